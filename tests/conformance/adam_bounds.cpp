#include "tests/conformance/adam_bounds.hpp"

#include <algorithm>
#include <cmath>

#include "tests/conformance/compare.hpp"

namespace polysem::conformance {

AdamBounds adam_bounds(const AdamStep& step, double weight, double m, double v, double gradient,
                       double gradient_error) {
  const double new_m = step.beta1 * m + (1.0 - step.beta1) * gradient;
  const double new_v = step.beta2 * v + (1.0 - step.beta2) * gradient * gradient;
  const double terms_m = step.beta1 * std::abs(m) + (1.0 - step.beta1) * std::abs(gradient);
  AdamBounds bounds;
  bounds.m = 8 * kU * terms_m + (1.0 - step.beta1) * gradient_error + 4 * kTiny;
  bounds.v = 8 * kU * new_v + 4 * kTiny +
             (1.0 - step.beta2) * gradient_error * (2 * std::abs(gradient) + gradient_error);

  const double correction1 = 1 - std::pow(double{step.beta1}, static_cast<double>(step.step));
  const double correction2 = 1 - std::pow(double{step.beta2}, static_cast<double>(step.step));
  const auto direction = [&](double m_shift, double v_shift) {
    const double root = std::sqrt(std::max(new_v + v_shift, 0.0) / correction2);
    return (new_m + m_shift) / correction1 / (root + step.epsilon);
  };
  double most = 0, largest = 0;
  for (const double m_shift : {-bounds.m, bounds.m}) {
    for (const double v_shift : {-bounds.v, bounds.v}) {
      most = std::max(most, std::abs(direction(m_shift, v_shift) - direction(0, 0)));
      largest = std::max(largest, std::abs(direction(m_shift, v_shift)));
    }
  }
  const double decay = step.weight_decay * std::abs(weight);
  bounds.weight = step.rate * (most + 16 * kU * (largest + decay)) + 4 * kU * std::abs(weight) + 4 * kTiny;
  return bounds;
}

}  // namespace polysem::conformance
