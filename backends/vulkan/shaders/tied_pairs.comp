// z_ij, what it adds to the loss, and its gradient: an invocation a pair.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "tied.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer W { float w[]; };
layout(std430, binding = 1) readonly buffer Noise { float noise[]; };
layout(std430, binding = 2) writeonly buffer Back { float back[]; };
layout(std430, binding = 3) writeonly buffer Losses { float losses[]; };

void main() {
  const uint p = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (p >= instances * features * features) return;
  const uint row = p / features, instance = row / features, i = row % features, j = p % features;
  const uint a = w_first + row * w_stride, b = w_first + (instance * features + j) * w_stride;
  float z = 0.0;
  for (uint k = 0; k < neurons; ++k)
    z += (has_noise != 0u ? w[a + k] + noise[noise_first + instance * noise_stride + k] : w[a + k]) * w[b + k];
  const float by = z > 0.0 ? 1.0 : slope;
  const float error = by * z - (i == j ? 1.0 : 0.0);
  losses[losses_first + p] = error * error;
  back[back_first + p] = 2.0 * error * by;
}
