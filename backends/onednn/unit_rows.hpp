#pragma once

#include <cmath>

#include "backends/onednn/kernels/kernels.hpp"

namespace polysem::onednn {

/// g -= (g . w) w.
inline void project(float* g, const float* w, std::int64_t n) {
  kernels().subtract_scaled(g, w, kernels().reduce(ReduceKind::kDot, g, w, n), n);
}

/// Divides a row by its length; a row of zeros stays.
inline void normalize(float* row, std::int64_t n) {
  const float squares = kernels().reduce(ReduceKind::kSumSquares, row, nullptr, n);
  if (squares > 1e-30f && squares < 1e30f) {
    kernels().multiply(row, static_cast<float>(1.0 / std::sqrt(double{squares})), n);
    return;
  }
  double exact = 0.0;  // squares may have left the range of f32
  for (std::int64_t i = 0; i < n; ++i) exact += double{row[i]} * row[i];
  if (exact == 0.0) return;
  for (std::int64_t i = 0; i < n; ++i) row[i] = static_cast<float>(row[i] / std::sqrt(exact));
}

}  // namespace polysem::onednn
