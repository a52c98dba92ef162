#pragma once

#include <span>
#include <vector>

#include "bench/figures/figure.hpp"

namespace polysem::program::toy {

/// What hidden neurons answer to. A neuron reads a feature where its weight exceeds `share` of its largest;
/// one whose largest weight is below `least` is dead. Where inputs are never negative (`either_sign` false) a
/// ReLU neuron answers to positive weights alone, the others only silence it.
struct NeuronUse {
  std::vector<std::int64_t> features;  ///< of each neuron; 0: dead
  std::int64_t dead = 0, monosemantic = 0, polysemantic = 0;
  double mean_features = 0;  ///< of neurons that are not dead
  double polysemantic_share() const;
};

/// `w` [neurons, features].
NeuronUse neuron_use(std::span<const float> w, std::int64_t neurons, std::int64_t features,
                     bool either_sign = true, double share = 0.2, double least = 0.1);

/// W with neurons in the order of the feature that each reads most, as a heat map. Colours end at the largest
/// weight that counts for reading.
figures::Panel weights_panel(std::span<const float> w, std::int64_t neurons, std::int64_t features,
                             const std::string& title, bool either_sign = true);

}  // namespace polysem::program::toy
