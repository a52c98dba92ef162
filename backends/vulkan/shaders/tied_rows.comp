// The gradient of W, an invocation an element: as the encoder's row and as the decoder's.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "tied.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer W { float w[]; };
layout(std430, binding = 1) readonly buffer Noise { float noise[]; };
layout(std430, binding = 2) readonly buffer Back { float back[]; };
layout(std430, binding = 3) writeonly buffer Grad { float grad[]; };

void main() {
  const uint e = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (e >= instances * features * neurons) return;
  const uint row = e / neurons, k = e % neurons, instance = row / features, i = row % features;
  const float added = has_noise != 0u ? noise[noise_first + instance * noise_stride + k] : 0.0;
  const uint pairs = back_first + instance * features * features;
  float sum = 0.0;
  for (uint j = 0; j < features; ++j) {
    const float other = w[w_first + (instance * features + j) * w_stride + k];
    sum += back[pairs + i * features + j] * other;
    sum += back[pairs + j * features + i] * (other + added);
  }
  const float value = w[w_first + row * w_stride + k];
  grad[grad_first + row * grad_stride + k] = sum + l1 * (value > 0.0 ? 1.0 : value < 0.0 ? -1.0 : 0.0);
}
