#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "polysem/ops_tied.hpp"

/// Incidental polysemanticity: an autoencoder with at least as many neurons as features, y = f((x W + noise)
/// W^T), trained on one-hot inputs (Lecomte, Thaman, Schaeffer, Bashkansky, Chow, Koyejo 2023, arXiv
/// 2312.03096). It has no need to share neurons, and does.
namespace polysem {

/// Several of them side by side. Row i of an instance's W [features, neurons] encodes feature i.
struct TiedConfig {
  std::int64_t features = 256, neurons = 256;
  std::int64_t instances = 1;
  double negative_slope = 0;  ///< of f below 0: 0 for ReLU, 1 linear, -1 absolute value, else leaky

  std::size_t weights_per_instance() const { return static_cast<std::size_t>(features * neurons); }
};

/// Throws Error{kInvalidArgument} that names what is out of range.
void validate(const TiedConfig& config);

enum class TiedInit : std::uint8_t {
  kNormal,       ///< N(0, 1 / neurons): every feature has a length of about 1
  kXavier,       ///< N(0, 2 / (features + neurons))
  kNonNegative,  ///< |N(0, 1 / neurons)|
};

/// [instances features, neurons]. Instance i depends on the seed and i alone, whatever the number of
/// instances.
std::vector<float> init_tied(const TiedConfig& config, TiedInit init, std::uint64_t seed);

/// What one instance's neurons hold. A weight is strong where .8 <= |w| <= 1.2, as the paper's code counts.
struct TiedCounts {
  std::int64_t polysemantic = 0;  ///< neurons with at least two strong weights
  std::int64_t same_sign = 0;     ///< neurons with two strong weights of one sign
  std::int64_t strong = 0;        ///< strong weights
  std::int64_t kept_winner = 0;   ///< features whose largest |w| is where it was at the start (needs `start`)
};
TiedCounts count_strong(std::span<const float> w, std::int64_t features, std::int64_t neurons,
                        std::span<const float> start = {});

/// Mean over features of sum_k w_ik^4: 1 where every feature has one neuron for itself.
double mean_fourth_power(std::span<const float> w, std::int64_t features, std::int64_t neurons);

/// Expected neurons with at least one positive and one negative feature where every feature lands on a neuron
/// and a sign at random, on its own: m (1 - 2 (1 - 1 / 2m)^n + (1 - 1 / m)^n). Where n is near m it is too
/// small, because features of one sign do not share a neuron.
double expected_collisions(std::int64_t features, std::int64_t neurons);
/// n^2 / 4m, its limit for m >> n.
double asymptotic_collisions(std::int64_t features, std::int64_t neurons);

}  // namespace polysem
