// What the shaders of TiedGrad share. Between them pass, for each pair (i, j) of an instance, the gradient of z and the
// loss.
layout(push_constant) uniform Push {
  uint instances, features, neurons, has_noise;
  uint w_first, w_stride, noise_first, noise_stride, back_first, losses_first;
  uint loss_first, grad_first, grad_stride;
  float slope, l1;
};
