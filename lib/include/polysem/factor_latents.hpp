#pragma once

#include "polysem/factor_world.hpp"
#include "polysem/small_dictionary.hpp"

namespace polysem {

/// Activations u_colour + v_shape of every combination, [combinations, dim]: u and v random orthonormal where
/// dim >= colours + shapes, else random unit vectors.
std::vector<double> factor_points(const FactorWorld& world, std::int64_t dim, std::uint64_t seed);

/// What a dictionary that was trained on the combinations not held out has learned. A latent fires on a
/// combination where it exceeds a tenth of its maximum over training; it is live where it has one.
struct FactorLatents {
  double fvu_seen = 0, fvu_held_out = 0;  ///< about the mean of the training combinations
  std::int64_t live = 0;
  double single = 0;  ///< share of live latents that fire on one training combination only
  double factor = 0;  ///< share that fire on several, which share a colour or a shape
  double l0 = 0;      ///< latents that fire on a training combination
};
FactorLatents look_at_latents(const FactorWorld& world, const SmallDictionary& dictionary,
                              const std::vector<double>& points);

/// The points of combinations not held out.
std::vector<double> training_points(const FactorWorld& world, const std::vector<double>& points,
                                    std::int64_t dim);

}  // namespace polysem
