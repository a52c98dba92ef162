#pragma once

#include <cmath>

#include "polysem/ops_dense.hpp"

namespace polysem::vulkan {

/// Constants of a step as shaders/adam.glsl takes them.
struct AdamConstants {
  float rate, beta1, beta2, epsilon, weight_decay, inverse_correction1, inverse_correction2;
};

inline AdamConstants adam_constants(const AdamStep& step) {
  const auto inverse = [&](float beta) {
    return static_cast<float>(1 / (1 - std::pow(double{beta}, static_cast<double>(step.step))));
  };
  return {step.rate,         step.beta1,          step.beta2,         step.epsilon,
          step.weight_decay, inverse(step.beta1), inverse(step.beta2)};
}

}  // namespace polysem::vulkan
