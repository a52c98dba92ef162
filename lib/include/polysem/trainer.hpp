#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "polysem/coder_step.hpp"
#include "polysem/row_source.hpp"
#include "polysem/schedule.hpp"

namespace polysem {

/// Scale of the inputs during training; folded into the weights that are saved.
enum class Normalize : std::uint8_t {
  kNone,
  kExpectedAverageOnlyIn,  ///< one factor for all rows, so that the mean length of a row is sqrt(d)
                           ///< (SAELens's name)
};
std::string_view name(Normalize normalize) noexcept;

struct TrainConfig {
  CoderConfig coder;
  std::int64_t batch = 2048;
  LearningRate rate;  ///< rate.steps is the length of the run
  float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
  /// Weight of the recipe's sparsity term, in units of rows as they are scaled. With a target 0 stands for
  /// the mean squared threshold: about what an active latent at its threshold is worth to the error.
  double sparsity = 0.0;
  double target_l0 = 0.0;            ///< L0 that a controller of the weight aims at (L0Controller); 0: none
  std::int64_t sparsity_warmup = 0;  ///< steps over which the weight grows from 0
  float clip = 0.0f;                 ///< largest length of the whole gradient; 0 for no limit
  Normalize normalize = Normalize::kExpectedAverageOnlyIn;
  std::uint64_t seed = 0;
  std::int64_t log_every = 50;
  std::int64_t checkpoint_every = 0;  ///< steps; 0: only when stopped
};

/// Checks the numbers; throws Error{kInvalidArgument} that names the option.
void validate(const TrainConfig& config);

/// One line of metrics.jsonl. Losses are in the units of the data.
struct TrainMetrics {
  std::int64_t step = 0, samples = 0;
  double loss = 0, aux_loss = 0, fvu = 0, l0 = 0, dead_fraction = 0, lr = 0, samples_per_second = 0;
  double sparsity = 0;  ///< weight of the sparsity term
  bool dense = false;   ///< codes were dense
};

struct TrainObserver {
  std::function<void(const TrainMetrics&)> on_log = {};  ///< every log_every steps, and after the last
  std::function<void(std::int64_t step)> on_step = {};   ///< after each step
  std::function<bool()> stop_requested = {};             ///< asked after each step
  std::function<void()> before_checkpoint = {};          ///< time to save what belongs to these steps
  /// A step took dense codes after sparse ones, or the other way; before on_log of that step.
  std::function<void(std::int64_t step, bool dense, double l0)> on_codes = {};
};

/// Trains a sparse coder on the rows of a source. The order of rows, the initial weights and every step
/// depend on the config alone: the same config gives the same bits for any number of threads, stopped and
/// resumed or not.
class Trainer {
 public:
  /// `folder` holds checkpoint/state.safetensors. Initial weights come from the first rows of the shuffled
  /// order.
  Trainer(Executor& executor, const RowSource& data, const TrainConfig& config, std::filesystem::path folder);
  ~Trainer();

  /// Takes up the run of the folder's checkpoint; false where there is none. Throws Error{kBadInput} where it
  /// is damaged or belongs to another config or other data.
  bool resume();
  /// Steps done so far.
  std::int64_t step() const noexcept;
  /// Runs to the end. When asked to stop it saves a checkpoint and throws Error{kInterrupted}. A loss that is
  /// not finite throws Error{kFailed} and leaves the last checkpoint as it was.
  void run(const TrainObserver& observer);
  void save_checkpoint();

  /// Weights for data as it is: input scale and, for norm-aware coders, decoder norms are folded in.
  CoderWeights folded_weights();
  /// The same, at the end: frees the memory of the training first. Only input_scale() and last_metrics() may
  /// be asked afterwards.
  CoderWeights take_folded_weights();
  /// Factor that rows were multiplied by in training.
  double input_scale() const noexcept;
  const TrainMetrics& last_metrics() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// W_enc *= s, W_dec /= s, b_dec /= s: a coder of rows times s becomes one of rows as they are.
void fold_input_scale(CoderWeights& weights, double scale);

}  // namespace polysem
