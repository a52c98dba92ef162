#pragma once

#include <vector>

#include "polysem/coder_step.hpp"

namespace polysem {

/// Steers the weight of a sparsity term so that L0 comes to a target: the coefficient autotuner of
/// SynthSAEBench's experiments (decoderesearch/synth-sae-bench-experiments). A multiplier rises by a small
/// share a step while the smoothed L0 is above the target and falls while it is below; it all but rests while
/// L0 is on its way and, as it goes, there within a window (there: while it moves the right way at all, which
/// on a smooth course never ends). What is fixed there for runs of some 10^5 steps (window of 100 steps, 3e-4
/// a step) is scaled here to the length of the run.
class L0Controller {
 public:
  /// For a run of `steps` steps.
  L0Controller(double target, std::int64_t steps);

  /// Takes in the L0 of a step and adapts the multiplier for the next.
  void observe(double l0);
  double multiplier() const noexcept { return multiplier_; }
  /// State of a bit-exact resume.
  std::vector<NamedNumber> numbers();

 private:
  double target_, window_, rate_;
  double smoothed_ = 0, trend_ = 0, multiplier_ = 1, observations_ = 0;
};

}  // namespace polysem
