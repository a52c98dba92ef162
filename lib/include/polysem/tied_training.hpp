#pragma once

#include <functional>
#include <vector>

#include "polysem/executor.hpp"
#include "polysem/tied_autoencoder.hpp"

namespace polysem {

/// One draw a step, added to the hidden layer of every sample.
struct TiedNoise {
  enum class Kind : std::uint8_t {
    kNone,
    kBipolar,   ///< +sd or -sd for each neuron: excess kurtosis -2, pushes features towards single neurons
    kGaussian,  ///< N(0, sd^2): excess kurtosis 0, does not
  };
  Kind kind = Kind::kNone;
  double sd = 0;
};

struct TiedTraining {
  enum class Optimiser : std::uint8_t { kAdamW, kSgd };
  Optimiser optimiser = Optimiser::kAdamW;
  double rate = 1e-3;
  double weight_decay = 0.01;  ///< decoupled: each step takes rate * weight_decay of every weight
  double l1 = 1e-3;            ///< times sum |W| joins the loss
  std::int64_t steps = 7500;
  std::uint64_t seed = 0;             ///< of the noise; instances share its draws
  std::vector<TiedNoise> noise = {};  ///< none, one for all instances, or one each
};

/// Throws Error{kInvalidArgument} that names what is out of range.
void validate(const TiedTraining& training, const TiedConfig& config);

struct TiedObserver {
  std::vector<std::int64_t> at = {};  ///< steps after which on_step is called, ascending; 0 is the start
  std::function<void(std::int64_t step, std::span<const float> w)> on_step = {};
  std::function<void(std::int64_t step)> on_progress = {};  ///< every now and then
  std::function<bool()> stop_requested = {};  ///< asked every now and then; true throws Error{kInterrupted}
};

struct TiedResult {
  std::vector<float> w;        ///< [instances features, neurons]
  std::vector<float> loss;     ///< of each instance, with L1, at the last step
  std::vector<bool> diverged;  ///< [instances]: a weight that is not finite, or above 1e6
};

/// Trains all instances side by side, every step on all one-hot inputs. Loss: TiedGrad. The same bits for any
/// number of threads; an instance that diverges leaves the others as they are.
TiedResult train_tied(Executor& executor, const TiedConfig& config, const TiedTraining& training,
                      std::vector<float> w, const TiedObserver& observer = {});

}  // namespace polysem
