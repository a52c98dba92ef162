#pragma once

#include "polysem/factor_world.hpp"

namespace polysem {

/// A network that sees a colour and a shape: two one-hot vectors (factored), or one for the combination
/// (holistic); then hidden ReLUs and linear outputs. Its targets compose or do not:
///   y = sqrt(1 - alpha) (A_colour + B_shape) / sqrt 2 + sqrt(alpha) Z_colour,shape,  all N(0, 1).
struct FactorNetworkConfig {
  bool factored = true;
  double alpha = 0;
  std::int64_t hidden = 64, outputs = 8;
  double rate = 3e-3;  ///< of AdamW, along half a cosine to 0
  double weight_decay = 1e-3;
  std::int64_t steps = 4000;  ///< on all training combinations at once
  std::uint64_t seed = 0;     ///< of targets and initial weights
};

struct FactorNetworkResult {
  double r2_train = 0, r2_held_out = 0;
  double additive_r2_train = 0, additive_r2_held_out = 0;  ///< of additive_fit()
  double interaction = 0;                                  ///< interaction_share() of the hidden layer
  std::vector<double> parameters;
  bool diverged = false;
};

/// Throws Error{kInvalidArgument} for numbers out of range.
FactorNetworkResult train_factor_network(const FactorWorld& world, const FactorNetworkConfig& config);

/// Parameters: W1 [inputs, hidden], b1, W2 [outputs, hidden], b2.
std::int64_t factor_network_inputs(const FactorWorld& world, const FactorNetworkConfig& config);
std::size_t factor_network_size(const FactorWorld& world, const FactorNetworkConfig& config);
/// Uniform in +-1 / sqrt(fan-in).
std::vector<double> init_factor_network(const FactorWorld& world, const FactorNetworkConfig& config);
/// [combinations, outputs]
std::vector<double> factor_targets(const FactorWorld& world, const FactorNetworkConfig& config);
/// Mean squared error over training combinations and outputs, and its gradient.
double factor_network_loss(const FactorWorld& world, const FactorNetworkConfig& config,
                           const std::vector<double>& parameters, const std::vector<double>& targets,
                           std::vector<double>& gradient);

}  // namespace polysem
