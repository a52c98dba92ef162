#include "polysem/feature_geometry.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

std::vector<float> random_directions(std::int64_t features, std::int64_t dims, std::uint64_t seed) {
  const Random random(seed, RandomStream::kData);
  std::vector<float> values(static_cast<std::size_t>(features * dims));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = random.normal(i);
  return values;
}

TEST(FeatureGeometry, ByHand) {
  // Rows (2, 0) and (1, 1): products 4, 2, 2; |W_i|^2 4 and 2; a cosine of 45 degrees.
  const std::vector<float> values = {2, 0, 1, 1};
  const auto g = feature_geometry({values, 2, 2});
  EXPECT_DOUBLE_EQ(g.squared_norm, 6);
  EXPECT_DOUBLE_EQ(g.dims_per_feature, 2.0 / 6);
  EXPECT_DOUBLE_EQ(g.interference[0], 4.0 / 4);
  EXPECT_DOUBLE_EQ(g.interference[1], 4.0 / 2);
  EXPECT_DOUBLE_EQ(g.dimensionality[0], 4.0 / 5);
  EXPECT_DOUBLE_EQ(g.dimensionality[1], 2.0 / 4);
  EXPECT_NEAR(g.leverage[0] + g.leverage[1], 2, 1e-12);
  EXPECT_DOUBLE_EQ(g.frame_potential, 16 + 4 + 2 * 4);
  EXPECT_DOUBLE_EQ(g.frame_potential_bound, 36.0 / 2);
  EXPECT_NEAR(g.coherence, std::sqrt(.5), 1e-12);
  EXPECT_EQ(g.rank, 2);
  EXPECT_EQ(features_represented(g, 1.5), 1);
}

// D_i <= leverage_i <= 1 and sum of leverages = rank, for every W: Cauchy and Schwarz.
TEST(FeatureGeometry, DimensionalityIsAtMostLeverage) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::int64_t features = 3 + static_cast<std::int64_t>(seed), dims = 7;
    auto values = random_directions(features, dims, seed);
    if (seed % 2 == 1)  // rank 6: the last dimension is the sum of the first two
      for (std::size_t i = 0; i < values.size(); i += 7) values[i + 6] = values[i] + values[i + 1];
    const auto g = feature_geometry({values, features, dims});
    EXPECT_EQ(g.rank, std::min<std::int64_t>(features, seed % 2 == 1 ? 6 : 7));
    double leverages = 0;
    for (std::size_t i = 0; i < g.norms.size(); ++i) {
      EXPECT_LE(g.dimensionality[i], g.leverage[i] + 1e-9);
      EXPECT_LE(g.leverage[i], 1 + 1e-6);
      leverages += g.leverage[i];
    }
    EXPECT_NEAR(leverages, static_cast<double>(g.rank), 1e-5);
    EXPECT_LE(g.capacity, static_cast<double>(g.rank) + 1e-9);
    EXPECT_GE(g.frame_potential, g.frame_potential_bound * (1 - 1e-9));
  }
}

TEST(FeatureGeometry, ZeroFeatureHasNothing) {
  const std::vector<float> values = {0, 0, 1, 0};
  const auto g = feature_geometry({values, 2, 2});
  EXPECT_EQ(g.dimensionality, (std::vector<double>{0, 1}));
  EXPECT_EQ(g.max_cosine, (std::vector<double>{0, 0}));
  EXPECT_EQ(g.rank, 1);
  EXPECT_EQ(features_represented(g), 1);
  const std::vector<float> nothing = {0, 0};
  EXPECT_EQ(feature_geometry({nothing, 1, 2}).dims_per_feature, 0);
}

TEST(FeatureGeometry, RefusesWhatIsNoMatrix) {
  const std::vector<float> values = {1, 2, 3};
  EXPECT_THROW(feature_geometry({values, 2, 2}), Error);
  EXPECT_THROW(feature_geometry({values, 0, 3}), Error);
  const std::vector<float> nan = {1, NAN};
  EXPECT_THROW(feature_geometry({nan, 1, 2}), Error);
}

// sqrt((n - m) / (m (n - 1))) by hand to four digits.
TEST(FeatureGeometry, WelchBound) {
  EXPECT_NEAR(welch_bound(5, 2), .6124, 5e-5);
  EXPECT_NEAR(welch_bound(20, 5), .3974, 5e-5);
  EXPECT_NEAR(welch_bound(40, 10), .2774, 5e-5);
  EXPECT_NEAR(welch_bound(400, 30), .1758, 5e-5);
  EXPECT_NEAR(welch_bound(256, 128), .0626, 5e-5);
  EXPECT_EQ(welch_bound(3, 3), 0);
  // Three lines at 60 degrees, an equiangular tight frame, reach it.
  const auto c = static_cast<float>(std::sqrt(.75));
  const std::vector<float> lines = {1, 0, -.5f, c, -.5f, -c};
  EXPECT_NEAR(feature_geometry({lines, 3, 2}).coherence, welch_bound(3, 2), 1e-6);
  const auto values = random_directions(40, 10, 3);
  EXPECT_GE(feature_geometry({values, 40, 10}).coherence, welch_bound(40, 10));
}

TEST(FeatureGeometry, RankinBound) {
  EXPECT_DOUBLE_EQ(rankin_bound(4, 3), -1.0 / 3);
  EXPECT_DOUBLE_EQ(rankin_bound(2, 5), -1);
  EXPECT_EQ(rankin_bound(5, 3), 0);
  EXPECT_EQ(rankin_bound(7, 3), 0);
}

TEST(FeatureGeometry, MeanSquaredCosineOfRandomDirections) {
  // E cos^2 = 1 / dims; its standard deviation here, over about 20,000 pairs, is near 1e-4.
  const std::int64_t features = 200, dims = 64;
  auto values = random_directions(features, dims, 5);
  for (std::size_t i = 0; i < values.size(); i += 64) {
    double squares = 0;
    for (std::size_t k = 0; k < 64; ++k) squares += double{values[i + k]} * values[i + k];
    for (std::size_t k = 0; k < 64; ++k)
      values[i + k] = static_cast<float>(values[i + k] / std::sqrt(squares));
  }
  const auto g = feature_geometry({values, features, dims});
  EXPECT_NEAR((g.frame_potential - 200) / (200.0 * 199), 1.0 / 64, 6e-4);
}

}  // namespace
}  // namespace polysem
