#include "polysem/tied_autoencoder.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/executor.hpp"
#include "polysem/random.hpp"
#include "polysem/winner_takes_all.hpp"

namespace polysem {
namespace {

/// The loss of one instance in double, written down from the paper and not from the op.
double loss_of(const TiedGrad& op, const std::vector<double>& w, const std::vector<double>& noise) {
  const auto n = static_cast<std::size_t>(op.features), m = static_cast<std::size_t>(op.neurons);
  double loss = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double y = 0;
      for (std::size_t k = 0; k < m; ++k) y += (w[i * m + k] + noise[k]) * w[j * m + k];
      if (y < 0) y *= op.negative_slope;
      loss += std::pow(y - (i == j ? 1 : 0), 2);
    }
  }
  for (const double value : w) loss += op.l1 * std::abs(value);
  return loss;
}

TEST(TiedGradient, FiniteDifferences) {
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  for (const float slope : {0.0f, 1.0f, -1.0f, 0.25f}) {
    const TiedGrad op{.instances = 1, .features = 5, .neurons = 7, .negative_slope = slope, .l1 = 0.125f};
    const Random random(8, RandomStream::kData);
    std::vector<float> w, noise;
    for (std::uint64_t i = 0; i < 35; ++i) w.push_back(.5f * random.normal(i));
    for (std::uint64_t i = 0; i < 7; ++i) noise.push_back(.3f * random.normal(100 + i));
    const Array device_w = executor.make_from(5, 7, w), device_noise = executor.make_from(1, 7, noise);
    const Array loss = executor.make(1, 1), gradient = executor.make(5, 7);
    executor.run(op, {.w = device_w, .noise = device_noise, .loss = loss, .grad = gradient});
    const auto found = executor.download_f32(gradient);
    std::vector<double> values(w.begin(), w.end());
    const std::vector<double> shift(noise.begin(), noise.end());
    EXPECT_NEAR(executor.download_f32(loss)[0], loss_of(op, values, shift), 1e-5);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double h = 1e-6, old = values[i];
      values[i] = old + h;
      const double above = loss_of(op, values, shift);
      values[i] = old - h;
      const double below = loss_of(op, values, shift);
      values[i] = old;
      EXPECT_NEAR(found[i], (above - below) / (2 * h), 2e-5) << "slope " << slope << " " << i;
    }
  }
}

// By hand: with two neurons and two features, each feature picks one of 4 places; 2 of 16 pairs of places are
// the two signs of one neuron, for each of the neurons: E = 2 * 2 / 16.
TEST(Collisions, ExpectedNumber) {
  EXPECT_NEAR(expected_collisions(2, 2), .25, 1e-12);
  EXPECT_NEAR(expected_collisions(2, 1), .5, 1e-12);
  EXPECT_NEAR(expected_collisions(1, 5), 0, 1e-12);
  // m [1 - 2 (1 - 1/2m)^n + (1 - 1/m)^n] at n = 256.
  EXPECT_NEAR(expected_collisions(256, 256), 39.6, .05);
  EXPECT_NEAR(expected_collisions(256, 1024), 14.1, .05);
  EXPECT_NEAR(expected_collisions(256, 4096), 3.9, .05);
  EXPECT_NEAR(expected_collisions(32, 96), 2.21, .005);
  EXPECT_NEAR(expected_collisions(1000, 1000000) / asymptotic_collisions(1000, 1000000), 1, 2e-3);
  EXPECT_DOUBLE_EQ(asymptotic_collisions(256, 4096), 4);
}

TEST(Collisions, Counts) {
  // Neuron 0: both signs; 1: two of one sign; 2: one feature; 3: too weak and too strong.
  const std::vector<float> w = {1,    0,    0,  .7f,   //
                                -.9f, 0,    0,  1.3f,  //
                                0,    1.1f, 0,  0,     //
                                0,    .8f,  -1, 0};
  const auto counts = count_strong(w, 4, 4, w);
  EXPECT_EQ(counts.polysemantic, 2);
  EXPECT_EQ(counts.same_sign, 1);
  EXPECT_EQ(counts.strong, 5);
  EXPECT_EQ(counts.kept_winner, 4);
  EXPECT_NEAR(mean_fourth_power(std::vector<float>{1, 0, .5f, .5f}, 2, 2), (1 + .125) / 2, 1e-12);
}

TEST(TiedInit, InstancesDoNotDependOnTheirNumber) {
  TiedConfig config{.features = 4, .neurons = 6, .instances = 3};
  const auto three = init_tied(config, TiedInit::kNormal, 7);
  config.instances = 1;
  const auto one = init_tied(config, TiedInit::kNormal, 7);
  EXPECT_TRUE(std::equal(one.begin(), one.end(), three.begin()));
  EXPECT_NE(std::vector<float>(three.begin() + 24, three.begin() + 48), one);
  for (const float value : init_tied(config, TiedInit::kNonNegative, 7)) EXPECT_GE(value, 0);
  config.neurons = 0;
  EXPECT_THROW(init_tied(config, TiedInit::kNormal, 7), Error);
}

// Bands for the ratios to the predictions at m = 1e5, lambda = 1e-5: nonzero weights [1, 3.5], |w|_1
// [.75, 1.4]. One run gave 77,770 / 14,603 / 245 / 3 weights at 1e2 / 1e3 / 1e4 / 1e5, and |w|_1 219 / 90.6
// / 11.9 / 1.39.
TEST(WinnerTakesAll, FollowsThePrediction) {
  const auto points = winner_takes_all({}, {1e2, 3e2, 1e3, 3e3, 1e4, 3e4});
  for (const WinnerPoint& p : points) {
    const double nonzero = static_cast<double>(p.nonzero) / p.predicted_nonzero, l1 = p.l1 / p.predicted_l1;
    EXPECT_GE(nonzero, 1) << p.time;
    EXPECT_LE(nonzero, 3.5) << p.time;
    EXPECT_GE(l1, .75) << p.time;
    EXPECT_LE(l1, 1.4) << p.time;
  }
  EXPECT_NEAR(static_cast<double>(points[0].nonzero), 77770, 777);
  EXPECT_NEAR(static_cast<double>(points[2].nonzero), 14603, 500);
  EXPECT_NEAR(static_cast<double>(points[4].nonzero), 245, 25);
  EXPECT_NEAR(points[0].l1, 219.0, 2);
  EXPECT_NEAR(points[4].l1, 11.87, 1);
}

// At t = 1e5 a handful is left: from 2 to 6 over seeds, 3.7 on average, where the prediction is 1.
TEST(WinnerTakesAll, AHandfulAtTheEnd) {
  double nonzero = 0, l1 = 0;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    const auto point = winner_takes_all({.seed = seed}, {1e5})[0];
    nonzero += static_cast<double>(point.nonzero) / 2;
    l1 += point.l1 / 2;
  }
  EXPECT_GE(nonzero, 1);
  EXPECT_LE(nonzero, 5);
  EXPECT_GE(l1, .75);
  EXPECT_LE(l1, 1.8);
}

TEST(WinnerTakesAll, OneSurvives) {
  const auto points = winner_takes_all({.neurons = 1000, .lambda = 1e-3}, {0, 5e4});
  EXPECT_EQ(points[0].nonzero, 1000);
  EXPECT_EQ(points[1].nonzero, 1);
  EXPECT_NEAR(points[1].l1, 1, 1e-2);
  EXPECT_THROW(winner_takes_all({.lambda = -1}, {1}), Error);
  EXPECT_THROW(winner_takes_all({}, {2, 1}), Error);
}

}  // namespace
}  // namespace polysem
