// A work group a row, a thread every 64th column. W_dec may come in windows of latents: all but the last leave their
// sums in `partial`, where the next finds them; ids ascend, so the order of the sums is that of a single window.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "codes_bindings.glsl"

layout(local_size_x = 64) in;
#include "group_sum.glsl"
READS(3, 0, w)
layout(std430, binding = 4) readonly buffer Bias { float bias[]; };
layout(std430, binding = 5) readonly buffer Base { float base[]; };
layout(std430, binding = 6) readonly buffer Target { float target[]; };
layout(std430, binding = 7) readonly buffer Before { float before[]; };
layout(std430, binding = 8) writeonly buffer Partial { float partial[]; };
layout(std430, binding = 9) writeonly buffer Result { float result[]; };
layout(std430, binding = 10) writeonly buffer Error { float error[]; };
layout(std430, binding = 11) writeonly buffer RowLoss { float row_loss[]; };
layout(constant_id = 1) const bool FIRST = true;  // window
layout(constant_id = 2) const bool LAST = true;
layout(push_constant) uniform Push {
  CODES_PUSH;
  uint rows, d_out, latent0, latents;  // of the window
  uint w_first, w_stride, bias_first, base_first, base_stride, target_first, target_stride;
  uint partial_first, partial_stride, out_first, out_stride, error_first, error_stride, loss_first, has;
};
#include "codes.glsl"
const uint kBias = 1, kBase = 2, kTarget = 4, kResult = 8, kError = 16, kLoss = 32;

void main() {
  const uint r = group_number();
  if (r >= rows) return;
  const uint begin = row_begin(r), end = row_end(r);
  float loss = 0.0;
  for (uint c = gl_LocalInvocationIndex; c < d_out; c += 64) {
    float y = FIRST ? 0.0 : before[partial_first + r * partial_stride + c];
    for (uint e = begin; e < end; ++e) {
      const uint j = code_latent(e) - latent0;
      if (j < latents) y += code_value(e) * w_at(w_first + j * w_stride + c);
    }
    if (!LAST) {
      partial[partial_first + r * partial_stride + c] = y;
      continue;
    }
    if ((has & kBias) != 0u) y += bias[bias_first + c];
    if ((has & kBase) != 0u) y += base[base_first + r * base_stride + c];
    if ((has & kResult) != 0u) result[out_first + r * out_stride + c] = y;
    if ((has & kTarget) == 0u) continue;
    const float difference = y - target[target_first + r * target_stride + c];
    loss += difference * difference;
    if ((has & kError) != 0u) error[error_first + r * error_stride + c] = difference;
  }
  if (!LAST || (has & kLoss) == 0u) return;
  loss = group_sum(loss);
  if (gl_LocalInvocationIndex == 0) row_loss[loss_first + r] = loss;
}
