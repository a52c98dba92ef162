// Given samples of toy models: lengths, densities, and losses on them.
#include "polysem/toy_samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "polysem/error.hpp"

namespace polysem {
namespace {

TEST(ToySamples, UnitSamplesHaveLengthOneAndTheDensity) {
  constexpr std::int64_t kFeatures = 200, kCount = 500;
  const std::vector<float> x = unit_samples(kFeatures, 0.05, kCount, 3, 0);
  ASSERT_EQ(x.size(), std::size_t{kFeatures * kCount});
  std::int64_t active = 0;
  for (std::int64_t s = 0; s < kCount; ++s) {
    double squares = 0;
    for (std::int64_t f = 0; f < kFeatures; ++f) {
      const float v = x[static_cast<std::size_t>(f * kCount + s)];
      EXPECT_GE(v, 0);
      squares += double{v} * v, active += v > 0 ? 1 : 0;
    }
    EXPECT_NEAR(squares, 1, 1e-5);
  }
  // Binomial: sd sqrt(100000 x .05 x .95) = 69.
  EXPECT_NEAR(static_cast<double>(active), 5000, 4 * 69);
  EXPECT_EQ(unit_samples(kFeatures, 0.05, kCount, 3, 0), x);
  EXPECT_NE(unit_samples(kFeatures, 0.05, kCount, 3, 1), x);
  EXPECT_NE(unit_samples(kFeatures, 0.05, kCount, 3, 0, RandomStream::kSampling), x);
}

TEST(ToySamples, ASampleWithoutActiveFeaturesGetsOne) {
  const std::vector<float> x = unit_samples(10, 1e-9, 50, 1, 0);
  EXPECT_EQ(std::count(x.begin(), x.end(), 1.0f), 50);
  EXPECT_EQ(std::count(x.begin(), x.end(), 0.0f), 450);
  for (std::size_t f = 0; f < 10; ++f)  // any feature, not always the same: 50 of 10, at least 1 each here
    EXPECT_TRUE(std::any_of(&x[f * 50], &x[f * 50] + 50, [](float v) { return v > 0; })) << f;
}

// h = ReLU(W x), x' = ReLU(D h + b), by hand for one sample.
TEST(ToySamples, HiddenVectorsAndLossByHand) {
  ToyConfig c{.features = 2, .dims = 2, .relu_hidden = true, .tied = false};
  c.density = {0.5f, 0.5f}, c.importance = {1.0f, 2.0f};
  const ToyWeights w{{1, -1, 0, 2}, {1, 0, 0.5f, 1}, {0.25f, -2}};
  const std::vector<float> x = {0.25f, 1, 0.5f, 0};  // samples (0.25, 0.5) and (1, 0)
  EXPECT_EQ(hidden_vectors(c, w, 0, x), (std::vector<float>{0, 1, 1, 0}));
  // Outputs (0.25, 0) and (1.25, 0): losses 2 x .25 and 1/16.
  const ToyLoss loss = loss_on_samples(c, w, 0, x, true);
  EXPECT_NEAR(loss.value, (0.5 + 0.0625) / 2, 1e-12);
  EXPECT_NEAR(loss.standard_error, (0.5 - 0.0625) / 2, 1e-12);
  EXPECT_FALSE(loss.exact);
  EXPECT_TRUE(loss_on_samples(c, w, 0, x, false).exact);
  EXPECT_THROW(loss_on_samples(c, w, 0, std::vector<float>(3), true), Error);
  EXPECT_THROW(hidden_vectors(c, w, 0, {}), Error);
}

// The same samples, drawn one after the other: for every form the same loss.
TEST(ToySamples, LossOfDrawnSamplesIsTheSampledLoss) {
  for (int bits = 0; bits < 16; ++bits) {
    ToyConfig c{.features = 6, .dims = 3, .instances = 2};
    c.relu_hidden = bits & 1, c.absolute_target = c.symmetric = bits & 2;
    c.relu_output = bits & 4, c.tied = bits & 8;
    c.sets = FeatureFill::Sets::kTogether, c.set_size = 2;
    c.density.assign(c.biases(), 0.3f), c.importance.assign(c.biases(), 0.7f);
    const ToyWeights w = init_toy_weights(c, 5);
    const ToyLoss expected = sampled_toy_loss(c, w, 1, 1000, 9);
    const ToyLoss found = loss_on_samples(c, w, 1, toy_samples(c, 1, 1000, 9), true);
    EXPECT_NEAR(found.value, expected.value, 1e-6 * expected.value) << bits;
    EXPECT_NEAR(found.standard_error, expected.standard_error, 1e-6 * expected.value) << bits;
  }
}

TEST(ToySamples, RefusesSizesAndDensitiesThatMakeNoSense) {
  EXPECT_THROW(unit_samples(0, 0.5, 1, 1, 0), Error);
  EXPECT_THROW(unit_samples(1, 0.5, 0, 1, 0), Error);
  for (const double density : {0.0, -1.0, 1.5, std::nan("")})
    EXPECT_THROW(unit_samples(2, density, 1, 1, 0), Error) << density;
  ToyConfig c{.features = 1, .dims = 1};
  c.density = {1}, c.importance = {1};
  EXPECT_THROW(toy_samples(c, 0, 0, 1), Error);
}

}  // namespace
}  // namespace polysem
