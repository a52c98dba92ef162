#pragma once

#include <cmath>

#include "backends/onednn/kernels/kernels.hpp"
#include "polysem/ops_dense.hpp"

namespace polysem::onednn {

/// What every element's step has in common (formula: AdamStep), worked out in double.
inline AdamConstants adam_constants(const AdamStep& s, float grad_scale) {
  const double steps = static_cast<double>(s.step), beta1 = s.beta1, beta2 = s.beta2;
  AdamConstants c;
  c.beta1 = s.beta1;
  c.one_minus_beta1 = static_cast<float>(1.0 - beta1);
  c.beta2 = s.beta2;
  c.one_minus_beta2 = static_cast<float>(1.0 - beta2);
  c.inverse_correction1 = static_cast<float>(1.0 / (1.0 - std::pow(beta1, steps)));
  c.inverse_correction2 = static_cast<float>(1.0 / (1.0 - std::pow(beta2, steps)));
  c.rate = s.rate;
  c.epsilon = s.epsilon;
  c.weight_decay = s.weight_decay;
  c.grad_scale = grad_scale;
  return c;
}

}  // namespace polysem::onednn
