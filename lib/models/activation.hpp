#pragma once

#include <span>

#include "lib/models/code_list.hpp"
#include "polysem/coder_step.hpp"

namespace polysem {

/// The part of a coder between pre-activations and codes, with its own backward pass and with what it learns
/// beside the weights.
class Activation {
 public:
  Activation() = default;
  Activation(const Activation&) = delete;
  Activation& operator=(const Activation&) = delete;
  virtual ~Activation() = default;

  /// Entries a row, or 0 where they vary.
  virtual std::int64_t row_length() const = 0;
  /// Entries to make room for; where rows vary, the lists grow when a batch needs more.
  virtual std::int64_t first_capacity(std::int64_t rows) const = 0;
  /// Codes of centred inputs, f32 (or bf16 in bf16 runs) [rows, d_in], of a trained coder.
  virtual void encode(Executor& executor, const CoderTensors& coder, const Tensor& centred,
                      CodeBuffer& buffer) = 0;
  /// Codes in a training step. False, and no codes, where they are too many for sparse ones.
  virtual bool encode_batch(Executor& executor, const CoderTensors& coder, const Tensor& centred,
                            CodeBuffer& buffer) {
    encode(executor, coder, centred, buffer);
    return true;
  }
  /// Gradient with respect to the pre-activation of each entry: scale * d(|error|^2 / 2) / dh, and what
  /// `penalty`, the weight of the recipe's sparsity term divided by the rows, adds.
  virtual void backward(Executor& executor, const CoderTensors& coder, const Tensor& error, CodeList& list,
                        float scale, float penalty);
  /// What dead latents need besides AuxK; after backward(), with its `scale`.
  virtual void revive(Executor&, std::span<const std::int32_t> /*dead*/, float /*scale*/) {}
  /// Gradient of the thresholds, f32 [1, latents], after backward(); absent where none are learned.
  virtual Tensor threshold_gradient() const { return {}; }
  /// Thresholds of the pre-activations for inference, [latents]; empty where the recipe has none.
  virtual std::vector<float> thresholds(Executor& executor, const CoderTensors& coder) const;
  /// State that is not in arrays.
  virtual std::vector<NamedNumber> numbers() { return {}; }
};

/// SparseGradValues over codes.
void grad_values(Executor& executor, const CoderTensors& coder, const Tensor& error, const CodeList& list,
                 float scale, float penalty);

}  // namespace polysem
