#include "polysem/polytope.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

/// The polytope's vertices in another order, turned by reflections at random planes, and with noise.
PolytopeVertices disturbed(const std::string& name, double noise, std::uint64_t seed) {
  PolytopeVertices p = polytope_vertices(name);
  const Random random(seed, RandomStream::kData);
  const auto dims = static_cast<std::size_t>(p.dims);
  std::uint64_t next = 0;
  for (int reflection = 0; reflection < 3; ++reflection) {
    std::vector<double> normal(dims);
    double squares = 0;
    for (double& v : normal) v = random.normal(next++), squares += v * v;
    for (std::size_t i = 0; i < p.values.size(); i += dims) {
      double along = 0;
      for (std::size_t k = 0; k < dims; ++k) along += normal[k] * p.values[i + k];
      for (std::size_t k = 0; k < dims; ++k)
        p.values[i + k] -= static_cast<float>(2 * along / squares * normal[k]);
    }
  }
  for (float& v : p.values) v += static_cast<float>(noise * random.normal(next++));
  for (auto i = static_cast<std::size_t>(p.vertices) - 1; i > 0; --i) {
    const auto j = static_cast<std::size_t>(random.below(i + 1, next++));
    if (i == j) continue;
    std::swap_ranges(p.values.begin() + static_cast<std::ptrdiff_t>(i * dims),
                     p.values.begin() + static_cast<std::ptrdiff_t>((i + 1) * dims),
                     p.values.begin() + static_cast<std::ptrdiff_t>(j * dims));
  }
  return p;
}

TEST(Polytope, EveryOneIsFoundByItsName) {
  for (const std::string& name : polytope_names()) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      const auto p = disturbed(name, 0.01, seed);
      EXPECT_EQ(name_polytope(p.directions()).name, name) << "seed " << seed;
    }
  }
}

// D = m / n on unit-norm tight frames (Elhage et al. 2022, the polytopes of their figure "Superposition
// exhibits complex geometric structure"), in products m / n of each factor.
TEST(Polytope, Dimensionalities) {
  const auto expect_all = [](const std::string& name, double wanted) {
    const auto p = polytope_vertices(name);
    for (const double d : feature_geometry(p.directions()).dimensionality)
      EXPECT_NEAR(d, wanted, 1e-6) << name;
  };
  expect_all("axis", 1);
  expect_all("digon", 1.0 / 2);
  expect_all("triangle", 2.0 / 3);
  expect_all("tetrahedron", 3.0 / 4);
  expect_all("pentagon", 2.0 / 5);
  expect_all("square antiprism", 3.0 / 8);
  expect_all("octahedron", 1.0 / 2);
  const auto sorted = [](const std::string& name) {
    const auto p = polytope_vertices(name);
    auto d = feature_geometry(p.directions()).dimensionality;
    std::sort(d.begin(), d.end());
    return d;
  };
  const auto triangular = sorted("triangular bipyramid"), pentagonal = sorted("pentagonal bipyramid");
  EXPECT_NEAR(triangular[0], .5, 1e-6);
  EXPECT_NEAR(triangular[2], 2.0 / 3, 1e-6);
  EXPECT_NEAR(pentagonal[0], .4, 1e-6);
  EXPECT_NEAR(pentagonal[6], .5, 1e-6);
}

// Tight frames reach the bounds: the tetrahedron also Welch's and Rankin's.
TEST(Polytope, Bounds) {
  for (const char* name : {"pentagon", "square antiprism", "icosahedron", "octahedron", "tetrahedron"}) {
    const auto p = polytope_vertices(name);
    const auto g = feature_geometry(p.directions());
    EXPECT_NEAR(g.frame_potential / g.frame_potential_bound, 1, 1e-6) << name;
    EXPECT_NEAR(g.capacity, static_cast<double>(g.rank), 1e-5) << name;
  }
  const auto tetrahedron = polytope_vertices("tetrahedron");
  const auto g = feature_geometry(tetrahedron.directions());
  EXPECT_NEAR(g.coherence, welch_bound(4, 3), 1e-6);
  EXPECT_NEAR(g.max_cosine[0], rankin_bound(4, 3), 1e-6);
}

// https://en.wikipedia.org/wiki/Thomson_problem. The antiprism of the table is the tight one, not quite the
// one of least energy.
TEST(Polytope, ThomsonEnergies) {
  const auto expect = [](const char* name, std::int64_t points, double tolerance) {
    const auto p = polytope_vertices(name);
    EXPECT_EQ(p.vertices, points);
    EXPECT_NEAR(thomson_energy(p.directions()), thomson_minimum(points), tolerance) << name;
  };
  expect("digon", 2, 1e-6);
  expect("triangle", 3, 2e-6);
  expect("tetrahedron", 4, 5e-6);
  expect("triangular bipyramid", 5, 5e-6);
  expect("octahedron", 6, 5e-6);
  expect("pentagonal bipyramid", 7, 1e-5);
  expect("square antiprism", 8, 1e-2);
  expect("tricapped triangular prism", 9, 5e-5);
  expect("gyroelongated square bipyramid", 10, 5e-5);
  expect("icosahedron", 12, 5e-5);
  const auto cube = polytope_vertices("cube");
  EXPECT_GT(thomson_energy(cube.directions()), thomson_minimum(8) + .05);
  EXPECT_TRUE(std::isnan(thomson_minimum(13)));
}

TEST(Polytope, OrthogonalFactors) {
  // A square is two digons; the fifth feature is too short to count.
  const std::vector<float> square = {1, 0, -1, 0, 0, 1.1f, .1f, .1f, 0, -.9f};
  const auto found = name_polytope({square, 5, 2});
  EXPECT_EQ(found.name, "2 digons");
  ASSERT_EQ(found.factors.size(), 2u);
  EXPECT_EQ(found.factors[0].features, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(found.factors[1].features, (std::vector<std::int64_t>{2, 4}));

  const std::vector<float> axes = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  EXPECT_EQ(name_polytope({axes, 3, 3}).name, "3 axes");
  const std::vector<float> mixed = {1, 0, 0, -1, 0, 0, 0, 1, 0, 0, 0, 1};
  EXPECT_EQ(name_polytope({mixed, 4, 3}).name, "digon, 2 axes");
  const std::vector<float> nothing = {.1f, 0, 0, .1f};
  EXPECT_EQ(name_polytope({nothing, 2, 2}).name, "none");
}

TEST(Polytope, Irregular) {
  const std::vector<float> bent = {1, 0, .8f, .6f};
  EXPECT_EQ(name_polytope({bent, 2, 2}).name, "irregular");
  const std::vector<float> beside = {1, 0, 0, .8f, .6f, 0, 0, 0, 1};
  EXPECT_EQ(name_polytope({beside, 3, 3}).name, "irregular of 2, axis");
  const Random random(1, RandomStream::kData);
  std::vector<float> many(60 * 5);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = random.normal(i);
  EXPECT_EQ(name_polytope({many, 60, 5}).name, "irregular");
}

// At density .05 a fifth feature that is half as frequent bends the pentagon: angles of 74, 74, 74, 69 and 69
// degrees between neighbours. It keeps its name; a square with one corner doubled does not get it.
TEST(Polytope, DeformedPentagonKeepsItsName) {
  std::vector<float> values;
  double angle = 0;
  for (const double step : {74, 74, 74, 69, 69}) {
    values.push_back(static_cast<float>(std::cos(angle)));
    values.push_back(static_cast<float>(std::sin(angle)));
    angle += step / 360 * 6.283185307179586;
  }
  EXPECT_EQ(name_polytope({values, 5, 2}).name, "pentagon");
  const std::vector<float> square = {1, 0, 0, 1, -1, 0, 0, -1, 0, -1};
  EXPECT_NE(name_polytope({square, 5, 2}).name, "pentagon");
}

TEST(Polytope, UnknownName) { EXPECT_THROW(polytope_vertices("enneagon"), Error); }

}  // namespace
}  // namespace polysem
