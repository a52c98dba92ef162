// A thread a latent: - sum of value * (threshold * gradient + penalty) over its list in ascending order.
#version 450
#extension GL_GOOGLE_include_directive : require

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Begin { uint begin[]; };
layout(std430, binding = 1) readonly buffer Entries { uint entries[]; };
layout(std430, binding = 2) readonly buffer Values { float values[]; };
layout(std430, binding = 3) readonly buffer Gradient { float gradient[]; };
layout(std430, binding = 4) readonly buffer Threshold { float threshold[]; };
layout(std430, binding = 5) writeonly buffer Result { float result[]; };
layout(push_constant) uniform Push {
  uint latents, capacity, begin_first, entries_first, values_first, gradient_first, threshold_first, out_first;
  float penalty;
};

void main() {
  const uint j = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 64 + gl_LocalInvocationIndex;
  if (j >= latents) return;
  const float theta = threshold[threshold_first + j];
  const uint end = min(begin[begin_first + j + 1], capacity);
  float sum = 0.0;
  for (uint i = begin[begin_first + j]; i < end; ++i) {
    const uint e = entries[entries_first + i];
    sum += values[values_first + e] * (theta * gradient[gradient_first + e] + penalty);
  }
  result[out_first + j] = -sum;
}
