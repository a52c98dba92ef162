// The loss, a work group an instance.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "tied.glsl"

layout(local_size_x = 64) in;
#include "group_sum.glsl"
layout(std430, binding = 0) readonly buffer W { float w[]; };
layout(std430, binding = 1) readonly buffer Losses { float losses[]; };
layout(std430, binding = 2) writeonly buffer Loss { float loss[]; };

void main() {
  const uint instance = group_number(), t = gl_LocalInvocationIndex;
  if (instance >= instances) return;
  float sum = 0.0, weights = 0.0;
  for (uint p = t; p < features * features; p += 64)
    sum += losses[losses_first + instance * features * features + p];
  for (uint e = t; e < features * neurons; e += 64)
    weights += abs(w[w_first + (instance * features + e / neurons) * w_stride + e % neurons]);
  sum = group_sum(sum);
  weights = group_sum(weights);
  if (t == 0) loss[loss_first + instance] = sum + l1 * weights;
}
