// Gradient and Adam step of one matrix's rows, a work group a latent; the gradient exists in shared memory alone.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "latent_list.glsl"

layout(local_size_x = 64) in;
#include "group_sum.glsl"
layout(constant_id = 0) const uint WIDTH = 64;  // at least d
layout(constant_id = 1) const bool AUX = false;
layout(constant_id = 2) const bool UNIT_NORM = false;
layout(constant_id = 3) const uint LOW = 0;  // 1 + type of the copy, or 0 for none
LIST_BINDINGS(0, 1, 2, 3, 4, main)
LIST_BINDINGS(5, 6, 7, 8, 9, aux)
layout(std430, binding = 10) readonly buffer Old { float old_weight[]; };
layout(std430, binding = 11) writeonly buffer New { float new_weight[]; };
layout(std430, binding = 12) buffer M { float m[]; };
layout(std430, binding = 13) buffer V { float v[]; };
layout(std430, binding = 14) writeonly buffer Low { uint16_t low[]; };
layout(push_constant) uniform Push {
  LIST_PUSH(main);
  LIST_PUSH(aux);
  uint latents, d, w_first, w_stride, m_first, m_stride, v_first, v_stride, low_first, low_stride;
  float rate, beta1, beta2, epsilon, weight_decay, inverse_correction1, inverse_correction2;
};
LIST_SUMS(main)
LIST_SUMS(aux)
#include "adam.glsl"

shared float row[WIDTH];  // gradient, then new weights; a thread touches only its own columns

void main() {
  const uint j = group_number(), t = gl_LocalInvocationIndex;
  if (j >= latents) return;
  const uint w_at = w_first + j * w_stride, m_at = m_first + j * m_stride, v_at = v_first + j * v_stride;
  float along = 0.0;
  for (uint c = t; c < d; c += 64) {
    float g = main_sum(j, c);
    if (AUX) g += aux_sum(j, c);
    row[c] = g;
    if (UNIT_NORM) along += g * old_weight[w_at + c];
  }
  if (UNIT_NORM) along = group_sum(along);

  float squares = 0.0;
  for (uint c = t; c < d; c += 64) {
    const float w = old_weight[w_at + c];
    const float g = UNIT_NORM ? row[c] - along * w : row[c];
    const AdamValues next = adam_step(AdamValues(w, m[m_at + c], v[v_at + c]), g);
    m[m_at + c] = next.m;
    v[v_at + c] = next.v;
    row[c] = next.weight;
    squares += next.weight * next.weight;
  }
  float size = 1.0;
  if (UNIT_NORM) {
    squares = group_sum(squares);
    if (squares > 0.0) size = sqrt(squares);
  }
  for (uint c = t; c < d; c += 64) {
    const float w = UNIT_NORM ? row[c] / size : row[c];
    new_weight[w_at + c] = w;
    if (LOW != 0) low[low_first + j * low_stride + c] = uint16_t(narrow(LOW - 1, floatBitsToUint(w)));
  }
}
