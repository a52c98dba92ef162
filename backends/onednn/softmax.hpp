#pragma once

#include <algorithm>
#include <cmath>

#include "backends/onednn/kernels/kernels.hpp"

namespace polysem::onednn {

/// log sum_c exp(logits[c]).
inline double log_sum_exp(const float* logits, std::int64_t classes) {
  const float largest = kernels().reduce(ReduceKind::kMax, logits, nullptr, classes);
  if (!std::isfinite(largest)) return largest;
  constexpr std::int64_t kPart = 4096;  // f32 sums of parts, added up in double
  double sum = 0.0;
  for (std::int64_t c = 0; c < classes; c += kPart)
    sum += kernels().sum_exp(logits + c, largest, std::min(kPart, classes - c));
  return double{largest} + std::log(sum);
}

}  // namespace polysem::onednn
