#pragma once

#include <cstdint>
#include <vector>

namespace polysem {

/// One feature under gradient flow with L1 (Lecomte et al. 2023, arXiv 2312.03096, section 3; their
/// simulation):
///   dw/dt = (1 - |w|^2) w - lambda sign(w),
/// by Euler's method, a weight that would pass 0 staying there. It starts at |N(0, spread^2 / neurons)|.
struct WinnerConfig {
  std::int64_t neurons = 100000;
  double lambda = 1e-5;
  double step = 0.5;  ///< of time
  double spread = 0.9;
  std::uint64_t seed = 0;
};

struct WinnerPoint {
  double time = 0;
  std::int64_t nonzero = 0;
  double l1 = 0;  ///< sum |w|
  double predicted_nonzero = 0;
  double predicted_l1 = 0;
};

/// |w|_1 = 1 / (1 / sqrt(m) + lambda t) and (|w|_1)^2 weights that are not 0: what the paper predicts.
WinnerPoint predict_winners(const WinnerConfig& config, double time);

/// The feature at each of `times`, which ascend. Throws Error{kInvalidArgument} for numbers out of range.
std::vector<WinnerPoint> winner_takes_all(const WinnerConfig& config, const std::vector<double>& times);

}  // namespace polysem
