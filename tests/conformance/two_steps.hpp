#pragma once

#include <string>
#include <vector>

#include "polysem/coder_step.hpp"
#include "polysem/executor.hpp"

namespace polysem::test {

/// What two training steps of a small coder leave: with AuxK, clipping and bf16 copies, so that every kernel
/// of training runs.
struct StepOutcome {
  double loss = 0;
  std::vector<float> w_enc, w_dec;
};
struct StepSetup {
  std::string recipe = "topk";
  float clip = 0.0f;
  Precision precision = Precision::kF32;
};
StepOutcome two_steps(Backend& backend, const StepSetup& setup = {});

}  // namespace polysem::test
