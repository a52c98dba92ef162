// A work group a row, eight of its entries at a time. Entries whose latent is in another window of W_dec are left.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "codes_bindings.glsl"

layout(local_size_x = 64) in;
READS(3, 0, w)
layout(std430, binding = 4) readonly buffer Error { float error[]; };
layout(std430, binding = 5) writeonly buffer Gradient { float gradient[]; };
layout(push_constant) uniform Push {
  CODES_PUSH;
  uint rows, d_out, latent0, latents;
  uint w_first, w_stride, error_first, error_stride, gradient_first;
  float scale, penalty;
};
#include "codes.glsl"

const uint kEntries = 8;
shared float terms[kEntries][64];
shared float sums[kEntries][8];

void main() {
  const uint r = group_number(), t = gl_LocalInvocationIndex;
  if (r >= rows) return;
  const uint begin = row_begin(r), end = row_end(r);
  for (uint first = begin; first < end; first += kEntries) {
    float dot[kEntries];
    for (uint i = 0; i < kEntries; ++i) {
      dot[i] = 0.0;
      const uint e = first + i;
      if (e >= end) continue;
      const uint j = code_latent(e) - latent0;
      if (j >= latents || !(code_value(e) > 0.0)) continue;
      for (uint c = t; c < d_out; c += 64)
        dot[i] += error[error_first + r * error_stride + c] * w_at(w_first + j * w_stride + c);
    }
    for (uint i = 0; i < kEntries; ++i) terms[i][t] = dot[i];
    barrier();
    const uint entry = t / 8, part = t % 8;
    float sum = 0.0;
    for (uint i = 0; i < 8; ++i) sum += terms[entry][part * 8 + i];
    sums[entry][part] = sum;
    barrier();
    const uint e = first + t;
    if (t < kEntries && e < end && code_latent(e) - latent0 < latents) {
      float total = 0.0;
      for (uint i = 0; i < 8; ++i) total += sums[t][i];
      gradient[gradient_first + e] = code_value(e) > 0.0 ? scale * total + penalty : 0.0;
    }
    barrier();
  }
}
