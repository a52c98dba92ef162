#pragma once

#include <cmath>

#include "backends/cuda/launch.cuh"

namespace polysem::cuda {

/// Constants of a step (AdamStep); the corrections are worked out in double.
struct Adam {
  float rate, beta1, beta2, epsilon, weight_decay, inverse_correction1, inverse_correction2;

  explicit Adam(const AdamStep& step)
      : rate(step.rate),
        beta1(step.beta1),
        beta2(step.beta2),
        epsilon(step.epsilon),
        weight_decay(step.weight_decay),
        inverse_correction1(inverse(step.beta1, step.step)),
        inverse_correction2(inverse(step.beta2, step.step)) {}

  /// One element's step: `m` and `v` become the new moments; gives the new weight.
  __device__ float step(float gradient, float weight, float& m, float& v) const {
    m = beta1 * m + (1.0f - beta1) * gradient;
    v = beta2 * v + (1.0f - beta2) * gradient * gradient;
    const float direction = m * inverse_correction1 / (sqrtf(v * inverse_correction2) + epsilon);
    return weight - rate * (direction + weight_decay * weight);
  }

 private:
  static float inverse(float beta, std::int64_t step) {
    return static_cast<float>(1 / (1 - std::pow(double{beta}, static_cast<double>(step))));
  }
};

}  // namespace polysem::cuda
