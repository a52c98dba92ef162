#pragma once

#include <cstdint>
#include <vector>

#include "polysem/ops_toy.hpp"

namespace polysem {

/// Toy models of superposition (Elhage et al. 2022, arXiv 2209.10652): autoencoders of sparse features
/// through fewer dimensions, many of them side by side.
///   h = W x;  x' = ReLU(D h + b), D = W^T where tied
///   L = E over x of sum_i importance_i (t_i - x'_i)^2,  t = x or |x|
/// x_i is 0, or with probability density_i uniform on [0, 1] (or [-1, 1]).
struct ToyConfig {
  std::int64_t features = 5, dims = 2, instances = 1;
  std::vector<float> density = {};     ///< [instances, features], in (0, 1]
  std::vector<float> importance = {};  ///< [instances, features], finite, at least 0
  FeatureFill::Sets sets = FeatureFill::Sets::kIndependent;
  std::int64_t set_size = 1;
  bool symmetric = false;  ///< values in [-1, 1]
  bool relu_hidden = false, relu_output = true, absolute_target = false, tied = true;

  std::size_t weights() const { return static_cast<std::size_t>(instances * dims * features); }
  std::size_t biases() const { return static_cast<std::size_t>(instances * features); }
};

/// Checks sizes and numbers; throws Error{kInvalidArgument} that names what is wrong.
void validate(const ToyConfig& config);

/// Weights of all instances, one after the other.
struct ToyWeights {
  std::vector<float> w;        ///< [instances, dims, features]
  std::vector<float> decoder;  ///< [instances, features, dims]; empty where tied
  std::vector<float> bias;     ///< [instances, features]
};

/// W and decoder Xavier-normal, sd sqrt(2 / (features + dims)); b zero.
ToyWeights init_toy_weights(const ToyConfig& config, std::uint64_t seed);

/// One instance with what its loss depends on, in double: what exact losses are asked of. Spans of a row of
/// ToyConfig and ToyWeights fit after conversion by toy_instance().
struct ToyInstance {
  std::int64_t features = 0, dims = 0;
  std::vector<double> w;     ///< [dims, features]
  std::vector<double> bias;  ///< [features]
  std::vector<double> density, importance;
};
ToyInstance toy_instance(const ToyConfig& config, const ToyWeights& weights, std::int64_t number);

}  // namespace polysem
