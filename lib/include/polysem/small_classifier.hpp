#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "polysem/executor.hpp"

namespace polysem {

/// A classifier with one hidden layer: h = ReLU(W1 x + b1), logits = W2 (h + noise) + b2, trained with AdamW
/// on cross entropy + l1 sum h, both averaged over the batch. Small, to see what regularisers do to its
/// neurons.
struct SmallClassifierConfig {
  std::int64_t inputs = 784, hidden = 64, classes = 10, batch = 256;
  double rate = 1e-3, weight_decay = 0, l1 = 0;
  std::uint64_t seed = 0;  ///< of the initial weights, uniform in +-1 / sqrt(fan-in)
};

class SmallClassifier {
 public:
  /// Throws Error{kInvalidArgument} for numbers out of range.
  SmallClassifier(Executor& executor, const SmallClassifierConfig& config);

  /// Loss (in nats, with L1) of a batch [batch, inputs] on the device, and its gradient for step(). `noise`:
  /// of each hidden neuron, the same for all samples, or empty. Labels must be below `classes`.
  double backward(const Tensor& x, std::span<const std::uint8_t> labels, std::span<const float> noise = {});
  /// One AdamW step along the gradient.
  void step();

  /// Without noise: hidden activations [rows, hidden] and logits [rows, classes] of rows [rows, inputs].
  struct Output {
    std::vector<float> hidden, logits;
  };
  Output apply(const Tensor& x);

  /// W1 [hidden, inputs], b1 [1, hidden], W2 [classes, hidden], b2 [1, classes], and their gradients.
  std::array<Tensor, 4> parameters() const;
  std::array<Tensor, 4> gradients() const;

 private:
  struct Parameter {
    Array value, gradient, m, v;
  };
  void forward(const Tensor& x, const Tensor& hidden, const Tensor& noisy, const Tensor& logits, bool noise);
  double softmax_gradient(std::span<const std::uint8_t> labels, std::vector<float>& logits) const;

  Executor& executor_;
  SmallClassifierConfig config_;
  std::array<Parameter, 4> parameters_;
  Array hidden_, noisy_, logits_, hidden_gradient_, noise_;
  std::int64_t steps_ = 0;
};

/// How many classes each hidden neuron stands for: those for which its mean activation is at least half of
/// its largest class mean. 0 for a neuron that is never active. `hidden` [rows, neurons].
std::vector<std::int64_t> classes_of_neurons(std::span<const float> hidden,
                                             std::span<const std::uint8_t> labels, std::int64_t neurons,
                                             std::int64_t classes);

}  // namespace polysem
