#pragma once

#include "polysem/ops_dense.hpp"
#include "tests/conformance/problem.hpp"

namespace polysem::conformance {

/// What one element of Adam may be off by.
struct AdamBounds {
  double m = 0, v = 0, weight = 0;
};

/// Bounds for the moments and the weight before the step, the gradient, and the gradient's own error. The
/// step is ill-conditioned where the gradient is about 0 (the first step is its sign), so the bound of the
/// weight is what the step can be over the intervals of both moments.
AdamBounds adam_bounds(const AdamStep& step, double weight, double m, double v, double gradient,
                       double gradient_error);

}  // namespace polysem::conformance
