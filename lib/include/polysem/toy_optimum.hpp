#pragma once

#include "polysem/toy_loss.hpp"

namespace polysem {

struct ToyOptimum {
  ToyInstance instance;
  double loss = 0;
  double gradient_norm = 0;  ///< largest component
  std::int64_t iterations = 0;
};

/// Follows exact_relu_loss() downhill from an instance to a local minimum, by BFGS (Nocedal & Wright 2006,
/// algorithm 6.1) with backtracking. Stops at a largest gradient component of `tolerance` or where no step
/// lowers the loss. Components that are exactly 0 by symmetry (a feature of length 0) stay so.
ToyOptimum minimise_relu_loss(const ToyInstance& start, double tolerance = 1e-9,
                              std::int64_t most_iterations = 500);

/// W whose columns are the vertices of a regular polygon, length `norm`, in the first two dimensions;
/// features from `polygon` on are 0. b as given.
ToyInstance polygon_instance(std::int64_t features, std::int64_t polygon, double norm, double bias,
                             double density);

/// Pairs of opposite columns along the axes, `pairs` of them; other features are 0, with bias density / 2.
ToyInstance digons_instance(std::int64_t features, std::int64_t dims, std::int64_t pairs, double density);

}  // namespace polysem
