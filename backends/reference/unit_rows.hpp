#pragma once

#include <cmath>
#include <span>

#include "backends/reference/views.hpp"

namespace polysem::reference {

/// g -= (g . w) w with w a row of `direction`.
inline void project(std::span<double> g, const Floats& direction, std::int64_t row) {
  double along = 0;
  for (std::size_t c = 0; c < g.size(); ++c) along += g[c] * direction(row, static_cast<std::int64_t>(c));
  for (std::size_t c = 0; c < g.size(); ++c) g[c] -= along * direction(row, static_cast<std::int64_t>(c));
}

/// Divides a row by its length; a row of zeros stays.
inline void normalize(const Floats& matrix, std::int64_t row, std::int64_t cols) {
  double squares = 0;
  for (std::int64_t c = 0; c < cols; ++c) squares += matrix(row, c) * matrix(row, c);
  if (squares == 0) return;
  const double length = std::sqrt(squares);
  for (std::int64_t c = 0; c < cols; ++c) matrix.set(row, c, matrix(row, c) / length);
}

}  // namespace polysem::reference
