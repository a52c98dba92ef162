// What the shaders of ToyGrad share. Between them pass matrices without gaps, instance by instance: the hidden layer
// [dims, batch], its gradient, the gradient of the output [features, batch], and the loss of each of its elements.
layout(push_constant) uniform Push {
  uint instances, features, dims, batch;
  uint x_first, x_stride, w_first, w_stride, decoder_first, decoder_stride;
  uint bias_first, bias_stride, importance_first, importance_stride;
  uint hidden_first, hidden_grad_first, output_grad_first, losses_first;
  uint loss_first, w_grad_first, w_grad_stride, decoder_grad_first, decoder_grad_stride;
  uint bias_grad_first, bias_grad_stride;
  float scale;
};
layout(constant_id = 0) const bool TIED = true;
layout(constant_id = 1) const bool RELU_HIDDEN = false;
layout(constant_id = 2) const bool RELU_OUTPUT = true;
layout(constant_id = 3) const bool ABSOLUTE_TARGET = false;

// What a rectifier lets pass where its input is not above 0: 0, but what is not finite stays so.
float silenced(float x) { return is_finite(x) ? 0.0 : uintBitsToFloat(0x7fc00000u); }

// D[f, k] of an instance; the decoder's place is taken by W^T where they are tied.
#define TOY_DECODER(buffer, instance, f, k)                                      \
  buffer[TIED ? w_first + (instance * dims + k) * w_stride + f                   \
              : decoder_first + (instance * features + f) * decoder_stride + k]
