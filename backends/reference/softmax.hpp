#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/views.hpp"

namespace polysem::reference {

/// log sum_c exp(logits[row, c]).
inline double log_sum_exp(const Floats& logits, std::int64_t row, std::int64_t classes) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t c = 0; c < classes; ++c) largest = std::max(largest, logits(row, c));
  double sum = 0;
  for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(logits(row, c) - largest);
  return largest + std::log(sum);
}

}  // namespace polysem::reference
