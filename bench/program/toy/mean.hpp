#pragma once

#include <cmath>
#include <limits>
#include <vector>

namespace polysem::program::toy {

/// Mean over instances; NaN where there is none.
struct Mean {
  double value = std::numeric_limits<double>::quiet_NaN();
  double standard_error = 0;
};

inline Mean mean_of(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  for (const double v : values) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, n > 1 ? std::sqrt(squares / (n - 1) / n) : 0};
}

}  // namespace polysem::program::toy
