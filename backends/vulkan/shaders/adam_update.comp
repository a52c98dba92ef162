#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Gradient { float gradient[]; };
layout(std430, binding = 1) readonly buffer Old { float old_weight[]; };
layout(std430, binding = 2) writeonly buffer New { float new_weight[]; };
layout(std430, binding = 3) buffer M { float m[]; };
layout(std430, binding = 4) buffer V { float v[]; };
layout(push_constant) uniform Push {
  uint rows, cols, g_first, g_stride, w_first, w_stride, m_first, m_stride, v_first, v_stride;
  float grad_scale;
  float rate, beta1, beta2, epsilon, weight_decay, inverse_correction1, inverse_correction2;
};
#include "adam.glsl"

void main() {
  const uint i = group_number() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (i >= rows * cols) return;
  const uint r = i / cols, c = i % cols;
  const uint w_at = w_first + r * w_stride + c, m_at = m_first + r * m_stride + c, v_at = v_first + r * v_stride + c;
  const float g = grad_scale * gradient[g_first + r * g_stride + c];
  const AdamValues next = adam_step(AdamValues(old_weight[w_at], m[m_at], v[v_at]), g);
  m[m_at] = next.m;
  v[v_at] = next.v;
  new_weight[w_at] = next.weight;
}
