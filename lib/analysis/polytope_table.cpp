#include "lib/analysis/polytope_table.hpp"

#include <cmath>
#include <numbers>

namespace polysem {

namespace {

using Points = std::vector<std::vector<double>>;

constexpr double kTurn = 2 * std::numbers::pi;

/// k corners at height z of the unit sphere, turned by `shift` of the angle between two.
void add_ring(Points& points, int k, double z, double shift = 0) {
  const double radius = std::sqrt(1 - z * z);
  for (int i = 0; i < k; ++i)
    points.push_back(
        {radius * std::cos(kTurn * (i + shift) / k), radius * std::sin(kTurn * (i + shift) / k), z});
}

Points polygon(int k) {
  Points points;
  for (int i = 0; i < k; ++i) points.push_back({std::cos(kTurn * i / k), std::sin(kTurn * i / k)});
  return points;
}

/// k directions of cosine -1 / (k - 1) in k - 1 dimensions: each new one sits on the axis that the earlier
/// ones do not use.
Points simplex(int k) {
  const auto dims = static_cast<std::size_t>(k - 1);
  Points points(static_cast<std::size_t>(k), std::vector<double>(dims));
  for (std::size_t axis = 0; axis < dims; ++axis) {
    double used = 0;
    for (std::size_t j = 0; j < axis; ++j) used += points[axis][j] * points[axis][j];
    points[axis][axis] = std::sqrt(1 - used);
    const double rest = (-1.0 / (k - 1) - used) / points[axis][axis];
    for (std::size_t later = axis + 1; later < points.size(); ++later) points[later][axis] = rest;
  }
  return points;
}

/// Two squares, one turned by 45 degrees against the other. At this height the frame is tight; points that
/// repel each other sit 2 % nearer to the equator.
Points square_antiprism() {
  Points points;
  add_ring(points, 4, std::sqrt(1.0 / 3));
  add_ring(points, 4, -std::sqrt(1.0 / 3), 0.5);
  return points;
}

Points cube() {
  Points points;
  add_ring(points, 4, std::sqrt(1.0 / 3));
  add_ring(points, 4, -std::sqrt(1.0 / 3));
  return points;
}

/// Heights that minimise Thomson's energy for 9 and 10 points.
Points tricapped_prism() {
  Points points;
  add_ring(points, 3, 0.70365);
  add_ring(points, 3, -0.70365);
  add_ring(points, 3, 0, 0.5);
  return points;
}
Points capped_square_antiprism() {
  Points points = {{0, 0, 1}, {0, 0, -1}};
  add_ring(points, 4, 0.42269);
  add_ring(points, 4, -0.42269, 0.5);
  return points;
}
Points icosahedron() {
  Points points = {{0, 0, 1}, {0, 0, -1}};
  add_ring(points, 5, std::sqrt(0.2));
  add_ring(points, 5, -std::sqrt(0.2), 0.5);
  return points;
}

KnownPolytope known(std::string name, std::string plural, Points points) {
  KnownPolytope result{std::move(name), std::move(plural), std::move(points), {}};
  for (const auto& a : result.vertices) {
    auto& row = result.cosines.emplace_back();
    for (const auto& b : result.vertices) {
      double product = 0;
      for (std::size_t i = 0; i < a.size(); ++i) product += a[i] * b[i];
      row.push_back(product);
    }
  }
  return result;
}

}  // namespace

const std::vector<KnownPolytope>& known_polytopes() {
  static const std::vector<KnownPolytope> kTable = {
      known("axis", "axes", {{1.0}}),
      known("digon", "digons", simplex(2)),
      known("triangle", "triangles", polygon(3)),
      known("tetrahedron", "tetrahedra", simplex(4)),
      known("5-cell", "5-cells", simplex(5)),
      known("5-simplex", "5-simplices", simplex(6)),
      known("pentagon", "pentagons", polygon(5)),
      known("hexagon", "hexagons", polygon(6)),
      known("heptagon", "heptagons", polygon(7)),
      known("octagon", "octagons", polygon(8)),
      known("square antiprism", "square antiprisms", square_antiprism()),
      known("cube", "cubes", cube()),
      known("tricapped triangular prism", "tricapped triangular prisms", tricapped_prism()),
      known("gyroelongated square bipyramid", "gyroelongated square bipyramids", capped_square_antiprism()),
      known("icosahedron", "icosahedra", icosahedron()),
  };
  return kTable;
}

}  // namespace polysem
