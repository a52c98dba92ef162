#include "polysem/coder_init.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"

namespace polysem {
namespace {

// The geometric median of a triangle with all angles below 120 degrees is its Fermat point; for (0, 0), (4,
// 0), (0, 3) a descent on a shrinking grid, in Python, gives
// (0.695789, 0.751178).
TEST(GeometricMedian, FermatPoint) {
  const auto m = geometric_median(std::vector<float>{0, 0, 4, 0, 0, 3}, 3, 2);
  EXPECT_NEAR(m[0], 0.695789, 1e-4);
  EXPECT_NEAR(m[1], 0.751178, 1e-4);
}

TEST(GeometricMedian, OutlierDoesNotMoveIt) {
  std::vector<float> points;
  for (int i = 0; i < 20; ++i) points.insert(points.end(), {1.0f, 2.0f});
  points.insert(points.end(), {1e6f, -1e6f});
  const auto m = geometric_median(points, 21, 2);
  EXPECT_NEAR(m[0], 1.0, 1e-3);
  EXPECT_NEAR(m[1], 2.0, 1e-3);
}

TEST(InitialWeights, TiedUnitDirectionsThatDependOnTheSeedAlone) {
  const CoderConfig config{.d_in = 8, .d_out = 8, .latents = 40, .k = 4};
  const std::vector<float> targets(8, 0.5f);
  const auto a = initial_weights(config, targets, 1, 1), b = initial_weights(config, targets, 1, 1);
  const auto c = initial_weights(config, targets, 1, 2);
  EXPECT_EQ(a.w_enc, a.w_dec);
  EXPECT_EQ(a.w_dec, b.w_dec);
  EXPECT_NE(a.w_dec, c.w_dec);
  for (std::size_t j = 0; j < 40; ++j) {
    double squares = 0;
    for (std::size_t d = 0; d < 8; ++d) squares += double{a.w_dec[j * 8 + d]} * a.w_dec[j * 8 + d];
    EXPECT_NEAR(squares, 1.0, 1e-6);
  }
  EXPECT_EQ(a.b_dec, targets);
}

TEST(CoderConfig, RefusesWhatMakesNoSense) {
  const CoderConfig good{.d_in = 8, .d_out = 8, .latents = 40, .k = 4};
  EXPECT_NO_THROW(validate(good));
  CoderConfig bad = good;
  bad.k = 41;
  EXPECT_THROW(validate(bad), Error);
  bad = good;
  bad.recipe = "tpok";
  try {
    validate(bad);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("topk"), std::string::npos);
  }
}

}  // namespace
}  // namespace polysem
