// Stands in for every shader when only the cost of recording is of interest.
#version 450
layout(local_size_x = 1) in;
void main() {}
