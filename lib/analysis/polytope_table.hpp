#pragma once

#include <string>
#include <vector>

namespace polysem {

/// A polytope whose vertices are directions of features.
struct KnownPolytope {
  std::string name, plural;
  std::vector<std::vector<double>> vertices;  ///< of length 1
  std::vector<std::vector<double>> cosines;   ///< their Gram matrix
};

/// Every polytope that is not a product of smaller ones in orthogonal spaces, from the digon on: simplices,
/// regular polygons, and what points on a sphere in three dimensions arrange themselves to.
const std::vector<KnownPolytope>& known_polytopes();

}  // namespace polysem
