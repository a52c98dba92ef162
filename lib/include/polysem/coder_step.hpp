#pragma once

#include <memory>
#include <string>
#include <vector>

#include "polysem/sparse_coder.hpp"

namespace polysem {

/// An array of a training state by its name in a checkpoint, for instance "W_enc" or "adam.m.W_enc".
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// A number of a training state that is kept on the host, by its name in a checkpoint.
struct NamedNumber {
  std::string name;
  double* value;
};

/// What one step did. Losses are sums over dimensions, means over the batch, of the units that the step was
/// fed.
struct StepResult {
  double loss = 0;        ///< mean |y - target|^2
  double aux_loss = 0;    ///< mean |e^ - e|^2 of AuxK, before its coefficient; 0 where no latent is dead
  double l0 = 0;          ///< active latents a row
  double variance = 0;    ///< mean |target - batch mean|^2
  std::int64_t dead = 0;  ///< latents that have not fired for dead_window samples
  bool dense = false;     ///< codes were dense: too many latents were active for lists
};

/// One training step of a sparse coder: forward, backward, Adam, firing counts. Owns weights, moments and
/// scratch on the backend.
///
/// loss = mean_B |y - t|^2 + sparsity * (the recipe's Penalty) + aux_coefficient * (V / mean_B |e|^2) *
/// mean_B |e - e^|^2, with e = t - y (held constant) and e^ the decoding, without bias, of the aux_k largest
/// pre-activations among dead latents: AuxK of Gao et al. (appendix A.2) in units of the main loss; V is the
/// variance of the targets, `target_variance`. Its gradient reaches decoder rows, encoder rows and biases of
/// the dead latents.
class CoderStep {
 public:
  CoderStep(Executor& executor, const CoderConfig& config, CoderWeights weights, std::int64_t batch,
            double target_variance);
  ~CoderStep();

  /// x f32 [batch, d_in], target f32 [batch, d_out] (the same tensor for an autoencoder). `clip` > 0 limits
  /// the length of the whole gradient. Measuring waits for the step; without `measure` only `dead`, `dense`
  /// and, for recipes with a penalty, `l0` are filled. `sparsity` is the weight of that penalty.
  StepResult run(const Tensor& x, const Tensor& target, const AdamStep& adam, float clip, bool measure,
                 float sparsity = 0.0f);

  /// Everything that a bit-exact resume needs. Write back through Executor::upload, then call restored().
  std::vector<NamedTensor> state() const;
  /// The same for numbers, which are written through their pointers.
  std::vector<NamedNumber> numbers();
  void restored();

  CoderWeights weights();
  /// The same, at the end: frees everything as it goes, so that little more memory is needed. Nothing but the
  /// destructor may be called afterwards.
  CoderWeights take_weights();
  const CoderConfig& config() const noexcept;
  std::int64_t batch() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace polysem
