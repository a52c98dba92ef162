// Sums over samples, a work group a result: gradients of W, of the decoder, of the bias, and the loss.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"
#include "toy.glsl"

layout(local_size_x = 64) in;
#include "group_sum.glsl"
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer Hidden { float hidden[]; };
layout(std430, binding = 2) readonly buffer HiddenGrad { float hidden_grad[]; };
layout(std430, binding = 3) readonly buffer OutputGrad { float output_grad[]; };
layout(std430, binding = 4) readonly buffer Losses { float losses[]; };
layout(std430, binding = 5) writeonly buffer Loss { float loss[]; };
layout(std430, binding = 6) writeonly buffer WGrad { float w_grad[]; };
layout(std430, binding = 7) writeonly buffer DecoderGrad { float decoder_grad[]; };
layout(std430, binding = 8) writeonly buffer BiasGrad { float bias_grad[]; };

void main() {
  const uint weights = dims * features, results = weights + features + 1;
  const uint g = group_number(), instance = g / results, which = g % results;
  if (instance >= instances) return;
  const uint t = gl_LocalInvocationIndex, k = which / features;
  const uint f = which < weights ? which % features : which - weights;
  const uint hidden_row = (instance * dims + k) * batch, output_row = (instance * features + f) * batch;
  float sum = 0.0, use = 0.0;
  if (which < weights) {
    for (uint s = t; s < batch; s += 64) {
      sum += hidden_grad[hidden_grad_first + hidden_row + s] *
             x[x_first + (instance * features + f) * x_stride + s];
      use += hidden[hidden_first + hidden_row + s] * output_grad[output_grad_first + output_row + s];
    }
  } else if (which < weights + features) {
    for (uint s = t; s < batch; s += 64) sum += output_grad[output_grad_first + output_row + s];
  } else {
    for (uint e = t; e < features * batch; e += 64)
      sum += losses[losses_first + instance * features * batch + e];
  }
  sum = group_sum(sum);
  use = group_sum(use);
  if (t != 0) return;
  if (which < weights) {
    w_grad[w_grad_first + (instance * dims + k) * w_grad_stride + f] = TIED ? sum + use : sum;
    if (!TIED) decoder_grad[decoder_grad_first + (instance * features + f) * decoder_grad_stride + k] = use;
  } else if (which < weights + features) {
    bias_grad[bias_grad_first + instance * bias_grad_stride + f] = sum;
  } else {
    loss[loss_first + instance] = sum;
  }
}
