#pragma once

#include <cmath>
#include <vector>

#include "backends/reference/views.hpp"

namespace polysem::reference {

/// Pre-activations of one row, rounded to f32; empty where one of them is NaN or infinite. `Op` is an
/// encoding op.
template <class Op>
std::vector<float> pre_activations(const Op& op, const typename Op::Operands& t, std::int64_t row) {
  const Floats x(t.x), w_enc(t.w_enc), b_enc(t.b_enc);
  std::vector<float> h;
  for (std::int64_t j = 0; j < op.latents; ++j) {
    double sum = b_enc[j];
    for (std::int64_t p = 0; p < op.d_in; ++p)
      sum += rounded_to(op.precision, x(row, p)) * rounded_to(op.precision, w_enc(j, p));
    h.push_back(static_cast<float>(sum));
    if (!std::isfinite(h.back())) return {};
  }
  return h;
}

}  // namespace polysem::reference
