#pragma once

#include <cmath>

#include "backends/reference/views.hpp"
#include "polysem/ops_dense.hpp"

namespace polysem::reference {

/// One element's step of Adam; formula at AdamStep.
class AdamStepper {
 public:
  explicit AdamStepper(const AdamStep& step)
      : step_(step),
        correction1_(1 - std::pow(double{step.beta1}, static_cast<double>(step.step))),
        correction2_(1 - std::pow(double{step.beta2}, static_cast<double>(step.step))) {}

  void apply(double gradient, const Floats& weight, const Floats& m, const Floats& v, std::int64_t row,
             std::int64_t col) const {
    const double first = step_.beta1 * m(row, col) + (1.0 - step_.beta1) * gradient;
    const double second = step_.beta2 * v(row, col) + (1.0 - step_.beta2) * gradient * gradient;
    const double w = weight(row, col);
    const double direction = first / correction1_ / (std::sqrt(second / correction2_) + step_.epsilon);
    m.set(row, col, first);
    v.set(row, col, second);
    weight.set(row, col, w - step_.rate * (direction + step_.weight_decay * w));
  }

 private:
  AdamStep step_;
  double correction1_, correction2_;
};

}  // namespace polysem::reference
