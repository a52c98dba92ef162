// Divides each row by its length, a work group a row; a row of zeros stays.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(local_size_x = 64) in;
#include "group_sum.glsl"
layout(std430, binding = 0) readonly buffer Old { float old_row[]; };
layout(std430, binding = 1) writeonly buffer New { float new_row[]; };
layout(push_constant) uniform Push { uint rows, cols, first, stride; };

void main() {
  const uint r = group_number();
  if (r >= rows) return;
  const uint at = first + r * stride;
  float squares = 0.0;
  for (uint c = gl_LocalInvocationIndex; c < cols; c += 64) squares += old_row[at + c] * old_row[at + c];
  squares = group_sum(squares);
  if (squares == 0.0) return;
  const float size = sqrt(squares);
  for (uint c = gl_LocalInvocationIndex; c < cols; c += 64) new_row[at + c] = old_row[at + c] / size;
}
