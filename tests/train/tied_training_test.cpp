#include "polysem/tied_training.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "polysem/error.hpp"

namespace polysem {
namespace {

struct Measured {
  double mean = 0, standard_error = 0;
  std::int64_t same_sign = 0;
  double strong = 0;  ///< of each instance
};

Measured collisions(const TiedConfig& config, const TiedTraining& training,
                    TiedInit init = TiedInit::kNormal) {
  const auto backend = open_backend("onednn");
  Executor executor(*backend);
  const auto result = train_tied(executor, config, training, init_tied(config, init, 1));
  Measured m;
  double squares = 0;
  const auto count = static_cast<double>(config.instances);
  for (std::int64_t i = 0; i < config.instances; ++i) {
    const std::span<const float> all(result.w);
    const auto c = count_strong(all.subspan(static_cast<std::size_t>(i) * config.weights_per_instance(),
                                            config.weights_per_instance()),
                                config.features, config.neurons);
    const auto polysemantic = static_cast<double>(c.polysemantic);
    m.mean += polysemantic / count, squares += polysemantic * polysemantic;
    m.same_sign += c.same_sign;
    m.strong += static_cast<double>(c.strong) / count;
  }
  m.standard_error = std::sqrt((squares / count - m.mean * m.mean) / (count - 1));
  return m;
}

void expect_as_computed(const Measured& m, const TiedConfig& config) {
  const double expected = expected_collisions(config.features, config.neurons);
  EXPECT_LT(std::abs(m.mean - expected), 3 * m.standard_error + .15 * expected)
      << config.neurons << ": " << m.mean << " +- " << m.standard_error << " for " << expected;
}

// Lecomte et al. 2023: opposite signs collide as chance has it, equal signs never, and every feature ends on
// one neuron where neurons are at least twice as many. 30 seeds.
TEST(SlowTiedTraining, Collisions) {
  double x = 0, y = 0, xx = 0, xy = 0, count = 0;
  for (const std::int64_t neurons : {64, 128, 256, 512}) {
    const TiedConfig config{.features = 32, .neurons = neurons, .instances = 30};
    const auto m = collisions(config, {});
    expect_as_computed(m, config);
    EXPECT_EQ(m.same_sign, 0);
    EXPECT_NEAR(m.strong, 32, .2) << neurons;
    const double lx = std::log(static_cast<double>(neurons)), ly = std::log(m.mean);
    x += lx, y += ly, xx += lx * lx, xy += lx * ly, ++count;
  }
  const double slope = (xy - x * y / count) / (xx - x * x / count);
  EXPECT_GE(slope, -1.3);
  EXPECT_LE(slope, -.7);
}

// With SGD winners repel each other where neurons are few: at m = n the mean lies between the exact formula
// and n^2 / 4m (n = m = 24: 4.99 +- .07 over 200 seeds).
TEST(SlowTiedTraining, CollisionsAtEqualNumbers) {
  const TiedConfig config{.features = 24, .neurons = 24, .instances = 30};
  TiedTraining training;
  training.optimiser = TiedTraining::Optimiser::kSgd;
  training.rate = .05, training.l1 = 1e-2, training.weight_decay = 0, training.steps = 15000;
  const auto m = collisions(config, training);
  EXPECT_GT(m.mean, expected_collisions(24, 24));
  EXPECT_LT(m.mean, asymptotic_collisions(24, 24));
  EXPECT_NEAR(m.mean, 4.99, 4 * m.standard_error);
  EXPECT_EQ(m.same_sign, 0);
}

// Opposite signs interfere with any output but ReLU, and so repel, too; weights that start above 0 stay
// there.
TEST(SlowTiedTraining, WhatPreventsCollisions) {
  TiedConfig config{.features = 32, .neurons = 96, .instances = 12};
  expect_as_computed(collisions(config, {}), config);
  EXPECT_EQ(collisions(config, {}, TiedInit::kNonNegative).mean, 0);
  for (const double slope : {1.0, -1.0, .3}) {  // linear, absolute value, leaky
    config.negative_slope = slope;
    EXPECT_EQ(collisions(config, {}).mean, 0) << slope;
  }
}

// Mean over features of sum_k W_ik^4 after 1e5 steps of SGD (n = 8, m = 16, 5 seeds): bipolar noise .335 /
// .811 / .789 for sd .07 / .10 / .15, Gaussian .173 / .171 / .160.
TEST(SlowTiedTraining, BipolarNoiseMakesFeaturesSparse) {
  const TiedConfig config{.features = 8, .neurons = 16, .instances = 30};
  TiedTraining training;
  training.optimiser = TiedTraining::Optimiser::kSgd;
  training.rate = .02, training.l1 = 0, training.weight_decay = 0, training.steps = 100000;
  for (const auto kind : {TiedNoise::Kind::kBipolar, TiedNoise::Kind::kGaussian})
    for (const double sd : {.07, .10, .15})
      for (int seed = 0; seed < 5; ++seed) training.noise.push_back({kind, sd});
  const auto backend = open_backend("onednn");
  Executor executor(*backend);
  const auto result = train_tied(executor, config, training, init_tied(config, TiedInit::kNormal, 13));
  std::vector<double> means;
  for (int group = 0; group < 6; ++group) {
    double mean = 0;
    for (int seed = 0; seed < 5; ++seed)
      mean +=
          mean_fourth_power(std::span<const float>(result.w).subspan(
                                static_cast<std::size_t>(group * 5 + seed) * config.weights_per_instance()),
                            8, 16) /
          5;
    means.push_back(mean);
  }
  EXPECT_GT(means[1], .7);
  EXPECT_GT(means[2], .7);
  EXPECT_LT(means[0], means[1]);
  for (int group = 3; group < 6; ++group) {
    EXPECT_GE(means[static_cast<std::size_t>(group)], .13);
    EXPECT_LE(means[static_cast<std::size_t>(group)], .22);
  }
}

TEST(TiedTraining, SameBitsForAnyThreads) {
  const TiedConfig config{.features = 70, .neurons = 300, .instances = 2};
  TiedTraining training;
  training.steps = 5;
  training.noise = {{TiedNoise::Kind::kGaussian, .1}};
  std::vector<float> first;
  for (const int threads : {1, 4}) {
    const auto backend = open_backend("onednn", threads);
    Executor executor(*backend);
    const auto w = train_tied(executor, config, training, init_tied(config, TiedInit::kXavier, 2)).w;
    if (first.empty()) first = w;
    EXPECT_EQ(w, first) << threads;
  }
}

TEST(TiedTraining, AnInstanceIsTheSameAloneAndInCompany) {
  TiedConfig config{.features = 6, .neurons = 20, .instances = 3};
  TiedTraining training;
  training.steps = 50;
  training.noise = {{TiedNoise::Kind::kBipolar, .1}};
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  const auto three = train_tied(executor, config, training, init_tied(config, TiedInit::kNormal, 2)).w;
  config.instances = 1;
  const auto one = train_tied(executor, config, training, init_tied(config, TiedInit::kNormal, 2)).w;
  EXPECT_TRUE(std::equal(one.begin(), one.end(), three.begin()));
}

TEST(TiedTraining, DivergenceIsMarkedAndStaysWhereItIs) {
  const TiedConfig config{.features = 4, .neurons = 8, .instances = 2};
  TiedTraining training;
  training.optimiser = TiedTraining::Optimiser::kSgd;
  training.rate = .05, training.steps = 300;
  auto w = init_tied(config, TiedInit::kNormal, 2);
  for (std::size_t i = 0; i < 32; ++i) w[i] *= 100;
  const auto backend = open_backend("onednn");
  Executor executor(*backend);
  const auto result = train_tied(executor, config, training, w);
  EXPECT_EQ(result.diverged, (std::vector<bool>{true, false}));
}

TEST(TiedTraining, RefusesBadNumbers) {
  const TiedConfig config{.features = 4, .neurons = 8};
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  const auto refused = [&](TiedTraining training) {
    EXPECT_THROW(train_tied(executor, config, training, init_tied(config, TiedInit::kNormal, 2)), Error);
  };
  refused({.rate = 0});
  refused({.rate = NAN});
  refused({.weight_decay = -1});
  refused({.l1 = -1});
  refused({.steps = -1});
  refused({.noise = {{TiedNoise::Kind::kBipolar, -1}}});
  refused({.noise = {{}, {}}});
  EXPECT_THROW(train_tied(executor, config, {}, {}), Error);
}

TEST(TiedTraining, ObserverSeesTheStepsItAskedFor) {
  const TiedConfig config{.features = 2, .neurons = 3};
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  std::vector<std::int64_t> seen;
  TiedObserver observer;
  observer.at = {0, 3, 10};
  observer.on_step = [&](std::int64_t step, std::span<const float> w) {
    seen.push_back(step);
    EXPECT_EQ(w.size(), 6u);
  };
  TiedTraining training;
  training.steps = 10;
  train_tied(executor, config, training, init_tied(config, TiedInit::kNormal, 2), observer);
  EXPECT_EQ(seen, observer.at);
  observer.stop_requested = [] { return true; };
  EXPECT_THROW(train_tied(executor, config, training, init_tied(config, TiedInit::kNormal, 2), observer),
               Error);
}

}  // namespace
}  // namespace polysem
