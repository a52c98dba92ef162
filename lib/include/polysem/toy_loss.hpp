#pragma once

#include <cstdint>
#include <vector>

#include "polysem/toy_model.hpp"

namespace polysem {

/// A loss, summed over features and averaged over the data; `standard_error` is 0 where it is exact.
struct ToyLoss {
  double value = 0;
  double standard_error = 0;
  bool exact = true;
};

/// Most features that exact_relu_loss() takes: it has features 3^features terms.
inline constexpr std::int64_t kMostExactFeatures = 14;

/// E of sum_i I_i (x_i - ReLU(W^T W x + b)_i)^2 for independent features in [0, 1], by adding up every set of
/// active features: E[(c + a . u)_+^r] over u uniform on the unit cube is r! / ((r + k)! prod a_j) times the
/// sum over its corners v of (-1)^(k - |v|) (c + a . v)_+^(r + k). In double-double: the corners cancel.
/// Throws Error{kInvalidArgument} for more features than kMostExactFeatures.
double exact_relu_loss(const ToyInstance& instance);

/// The same and its gradient in W [dims, features] and b, by central differences in W^T W and b.
struct ToyLossGradient {
  double loss = 0;
  std::vector<double> w, bias;
};
ToyLossGradient exact_relu_loss_gradient(const ToyInstance& instance);

/// The loss of x' = W^T W x + b, from the features' mean p/2 and variance p/3 - p^2/4. Any number of
/// features.
double exact_linear_loss(const ToyInstance& instance);

/// The ReLU model's loss on x = u e_i, u uniform on [0, 1], i uniform (Chen et al. 2023, arXiv 2310.06301);
/// densities play no part.
double one_hot_loss(const ToyInstance& instance);

/// Mean of the loss over `samples` fresh samples for any model of ToyConfig, instance by instance.
ToyLoss sampled_toy_loss(const ToyConfig& config, const ToyWeights& weights, std::int64_t instance,
                         std::int64_t samples, std::uint64_t seed);

/// Exact where this is possible in reasonable time (linear output, or ReLU output up to `most_exact`
/// features; independent features in [0, 1], tied, linear hidden layer, target x), else sampled.
ToyLoss toy_loss(const ToyConfig& config, const ToyWeights& weights, std::int64_t instance,
                 std::int64_t samples, std::uint64_t seed, std::int64_t most_exact = 9);

/// Losses, in closed form, of the three solutions of two features in one dimension, one of importance 1, the
/// extra one of importance r, both of density p; the same for n features in n - 1 dimensions. Integrals over
/// who is active, as in the notebook of wattenberg/superposition on GitHub.
struct OneDimensionShort {
  double ignore_extra, ignore_other, antipodal;
};
OneDimensionShort one_dimension_short(double density, double importance);

}  // namespace polysem
