#pragma once

#include <functional>
#include <memory>

#include "polysem/executor.hpp"
#include "polysem/schedule.hpp"
#include "polysem/toy_model.hpp"

namespace polysem {

enum class ToyOptimiser : std::uint8_t {
  kAdamW,    ///< decoupled weight decay
  kAdam,     ///< weight decay adds to the gradient
  kRmsProp,  ///< v = .99 v + .01 g^2, no correction of the start
  kSgd,      ///< with momentum
};

struct ToyTraining {
  ToyOptimiser optimiser = ToyOptimiser::kAdamW;
  LearningRate rate;  ///< rate.steps is the length of the run
  double weight_decay = 0.01;
  double momentum = 0.0;  ///< of SGD
  std::int64_t batch = 1024;
  std::uint64_t seed = 0;
};

/// What an observer sees every so many steps.
struct ToyProgress {
  std::int64_t step = 0;
  std::vector<float> loss;  ///< of each instance on the last batch, summed over features; may not be finite
};

struct ToyObserver {
  std::int64_t every = 0;  ///< steps between calls; 0: none
  std::function<void(const ToyProgress&, const ToyWeights&)> on_step = {};
  std::function<bool()> stop_requested = {};  ///< asked every 64 steps; true throws Error{kInterrupted}
  /// Fixed samples, [instances features, samples], in place of fresh ones: every step takes all of them.
  std::vector<float> samples = {};
  std::int64_t sample_count = 0;
};

struct ToyResult {
  ToyWeights weights;
  std::vector<bool> diverged;  ///< [instances]: a weight that is not finite, or above 1e6
};

/// Checks the numbers; throws Error{kInvalidArgument} that names the option.
void validate(const ToyTraining& training);

/// Trains all instances side by side, from `weights`; the gradient is that of the loss averaged over samples
/// and features, as in the notebook of Elhage et al. Depends on config, training and weights alone: the same
/// bits for any number of threads. An instance that diverges is marked and leaves the others as they are.
ToyResult train_toy(Executor& executor, const ToyConfig& config, const ToyTraining& training,
                    ToyWeights weights, const ToyObserver& observer = {});

}  // namespace polysem
