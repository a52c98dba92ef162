// The hidden layer, an invocation an element.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "toy.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer W { float w[]; };
layout(std430, binding = 2) writeonly buffer Hidden { float hidden[]; };

void main() {
  const uint i = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (i >= instances * dims * batch) return;
  const uint row = i / batch, s = i % batch, instance = row / dims;
  float sum = 0.0;
  for (uint f = 0; f < features; ++f)
    sum += w[w_first + row * w_stride + f] * x[x_first + (instance * features + f) * x_stride + s];
  hidden[hidden_first + i] = RELU_HIDDEN && !(sum > 0.0) ? silenced(sum) : sum;
}
