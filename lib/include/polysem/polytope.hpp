#pragma once

#include <string>
#include <vector>

#include "polysem/feature_geometry.hpp"

namespace polysem {

struct PolytopeOptions {
  double least_norm = 0.5;  ///< features shorter than this are not represented and not part of the geometry
  double tolerance =
      0.1;  ///< how far a cosine may be off: beyond it features are not orthogonal, or no match
};

/// Features that span a space of their own, orthogonal to that of all others.
struct PolytopeFactor {
  std::string name;  ///< "digon", "triangle", "pentagon", "square antiprism", ... or "irregular"
  std::vector<std::int64_t> features;
  double error = 0;  ///< largest difference of a cosine from the polytope's; NaN for "irregular"
};

/// The geometry that features form, as Elhage et al. 2022 name it: a polytope, or several in orthogonal
/// spaces (its tegum product).
struct FeaturePolytope {
  std::string
      name;  ///< "pentagon", "2 digons", "triangular bipyramid", "triangle, 3 digons", "irregular", ...
  std::vector<PolytopeFactor> factors;  ///< largest first
};

/// Splits the represented features into factors, which share no cosine beyond the tolerance, and matches each
/// one's Gram matrix of unit vectors with those of known polytopes, under any order of the features. "none"
/// where nothing is represented; "axis" is a feature with a dimension of its own. Factors of more than 16
/// features are "irregular". Throws as feature_geometry().
FeaturePolytope name_polytope(const Directions& directions, const PolytopeOptions& options = {});

/// Unit vectors of a polytope by name, [vertices, dims]; for tests and pictures. Throws
/// Error{kInvalidArgument} for a name that is not in the table.
struct PolytopeVertices {
  std::vector<float> values;
  std::int64_t vertices = 0, dims = 0;
  Directions directions() const { return {values, vertices, dims}; }
};
PolytopeVertices polytope_vertices(const std::string& name);
/// Names that polytope_vertices() knows.
std::vector<std::string> polytope_names();

}  // namespace polysem
