// Composition against memorisation: a world of colours and shapes, networks and dictionaries in it.
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "polysem/error.hpp"
#include "polysem/factor_latents.hpp"
#include "polysem/factor_network.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

FactorWorld world8() { return make_factor_world(8, 8, {0, 3}); }

TEST(FactorWorld, HoldsOutDiagonals) {
  const FactorWorld world = world8();
  EXPECT_EQ(std::count(world.held_out.begin(), world.held_out.end(), true), 16);
  EXPECT_TRUE(world.held_out[0]);
  EXPECT_TRUE(world.held_out[3]);
  EXPECT_TRUE(world.held_out[7 * 8 + 2]);  // colour 7, shape (7 + 3) mod 8
  const FactorWorld wide = make_factor_world(2, 5, {1});
  EXPECT_EQ(std::count(wide.held_out.begin(), wide.held_out.end(), true), 5);
  EXPECT_THROW(make_factor_world(1, 5, {}), Error);
  EXPECT_THROW(make_factor_world(4, 4, {4}), Error);
  EXPECT_THROW(make_factor_world(2, 2, {0, 1}), Error);
}

TEST(FactorWorld, InteractionShare) {
  const FactorWorld world = make_factor_world(3, 4, {});
  std::vector<double> sums, product;
  for (std::size_t i = 0; i < 12; ++i) {
    const auto c = static_cast<double>(world.colour(i)), s = static_cast<double>(world.shape(i));
    sums.push_back(c + 10 * s * s);
    product.push_back((c - 1) * (s - 1.5));  // both factors have mean 0: nothing but interaction
  }
  EXPECT_NEAR(interaction_share(world, sums, 1), 0, 1e-12);
  EXPECT_NEAR(interaction_share(world, product, 1), 1, 1e-12);
  EXPECT_TRUE(std::isnan(interaction_share(world, std::vector<double>(12, 2.0), 1)));
}

// A sum of a colour's and a shape's term is fitted exactly. Of noise, least squares keeps the share of its
// free parameters: (C + S - 2) / (CS - held out - 1) = 14 / 47 = .298.
TEST(FactorWorld, AdditiveFit) {
  const FactorWorld world = world8();
  const std::int64_t width = 400;
  const auto additive = factor_targets(world, {.alpha = 0, .outputs = width});
  EXPECT_NEAR(factor_r2(world, additive_fit(world, additive, width), additive, width, true), 1, 1e-9);
  const auto noise = factor_targets(world, {.alpha = 1, .outputs = width});
  EXPECT_NEAR(factor_r2(world, additive_fit(world, noise, width), noise, width, false), 14.0 / 47, .01);
}

TEST(FactorNetwork, FiniteDifferences) {
  const FactorWorld world = make_factor_world(3, 3, {1});
  for (const bool factored : {true, false}) {
    const FactorNetworkConfig config{.factored = factored, .alpha = .5, .hidden = 5, .outputs = 3, .seed = 2};
    const auto targets = factor_targets(world, config);
    auto p = init_factor_network(world, config);
    std::vector<double> gradient, unused;
    factor_network_loss(world, config, p, targets, gradient);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double h = 1e-6, old = p[i];
      p[i] = old + h;
      const double above = factor_network_loss(world, config, p, targets, unused);
      p[i] = old - h;
      const double below = factor_network_loss(world, config, p, targets, unused);
      p[i] = old;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * h), 1e-8) << factored << " " << i;
    }
  }
}

TEST(SmallDictionary, FiniteDifferences) {
  const Random random(3, RandomStream::kData);
  std::vector<double> points;
  for (std::uint64_t i = 0; i < 6 * 4; ++i) points.push_back(random.normal(i));
  const std::vector<double> weights = {.1, .2, .3, 0, .25, .15};
  for (const std::int64_t k : {0, 2}) {
    SmallDictionary d = train_small_dictionary(points, 4, {.latents = 7, .k = k, .steps = 3, .seed = 1});
    std::vector<double> gradient, unused;
    small_dictionary_loss(d, .3, points, weights, gradient);
    for (std::size_t i = 0; i < d.parameters.size(); ++i) {
      const double h = 1e-6, old = d.parameters[i];
      d.parameters[i] = old + h;
      const double above = small_dictionary_loss(d, .3, points, weights, unused);
      d.parameters[i] = old - h;
      const double below = small_dictionary_loss(d, .3, points, weights, unused);
      d.parameters[i] = old;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * h), 1e-7) << "k " << k << ", " << i;
    }
  }
}

TEST(SmallDictionary, RefusesBadNumbers) {
  const std::vector<double> points = {1, 2, 3, 4};
  EXPECT_THROW(train_small_dictionary(points, 3, {}), Error);
  EXPECT_THROW(train_small_dictionary(points, 2, {.latents = 0}), Error);
  EXPECT_THROW(train_small_dictionary(points, 2, {.latents = 4, .k = 5}), Error);
  EXPECT_THROW(train_factor_network(world8(), {.alpha = 2}), Error);
  EXPECT_THROW(train_factor_network(world8(), {.rate = 0}), Error);
}

/// f(seed) for each seed, on two threads; the mean of each of its numbers.
template <class F>
std::vector<double> mean_over_seeds(std::uint64_t seeds, const F& f) {
  std::vector<std::vector<double>> found(seeds);
  const auto work = [&](std::uint64_t first) {
    for (std::uint64_t s = first; s < seeds; s += 2) found[s] = f(s);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  std::vector<double> mean(found[0].size());
  for (const auto& one : found)
    for (std::size_t i = 0; i < one.size(); ++i) mean[i] += one[i] / static_cast<double>(seeds);
  return mean;
}

struct Band {
  double low, high;
  void expect(double value, const std::string& what) const {
    EXPECT_GE(value, low) << what;
    EXPECT_LE(value, high) << what;
  }
};

// Means of 40 seeds, with the 5 % and 95 % quantiles over seeds as bands, of an independent implementation:
// held-out R^2 .991 / .086 / -.626 / -.037 / -.026, interaction .016 / .170 / .198 / .412 / .773.
TEST(SlowComposition, Networks) {
  struct Row {
    bool factored;
    double alpha;
    Band held_out, interaction;
  };
  const Row rows[] = {{true, 0, {.988, .994}, {.010, .025}},
                      {true, .5, {-.139, .309}, {.158, .181}},
                      {true, 1, {-.870, -.305}, {.183, .210}},
                      {false, 0, {-.079, .018}, {.389, .444}},
                      {false, 1, {-.076, .035}, {.746, .795}}};
  for (const Row& row : rows) {
    const auto mean = mean_over_seeds(8, [&](std::uint64_t seed) {
      const auto r =
          train_factor_network(world8(), {.factored = row.factored, .alpha = row.alpha, .seed = seed});
      return std::vector<double>{r.r2_train, r.r2_held_out, r.interaction};
    });
    const std::string name = (row.factored ? "factored " : "holistic ") + std::to_string(row.alpha);
    EXPECT_GT(mean[0], .9995) << name;
    row.held_out.expect(mean[1], name);
    row.interaction.expect(mean[2], name);
  }
}

// The same for dictionaries, 20 seeds: held-out FVU .927 / .125 / .945 / .057; seen .139 / .000 / .030 /
// .005; live latents 33.5 / 16.0 / 57.0 / 15.9; single .65 / .01 / .52 / .01.
TEST(SlowComposition, Dictionaries) {
  struct Row {
    SmallDictionaryConfig config;
    Band held_out;
    double seen, live, single;
  };
  const Row rows[] = {{{.latents = 64, .k = 1}, {.855, .996}, .139, 33.5, .65},
                      {{.latents = 16, .k = 2}, {.062, .208}, .000, 16.0, .01},
                      {{.latents = 64, .lambda = .3}, {.662, 1.213}, .030, 57.0, .52},
                      {{.latents = 16, .lambda = .1}, {.030, .075}, .005, 15.9, .01}};
  for (const Row& row : rows) {
    const auto mean = mean_over_seeds(12, [&](std::uint64_t seed) {
      SmallDictionaryConfig config = row.config;
      config.seed = seed;
      const auto points = factor_points(world8(), 16, seed);
      const auto d = train_small_dictionary(training_points(world8(), points, 16), 16, config);
      const auto f = look_at_latents(world8(), d, points);
      return std::vector<double>{f.fvu_held_out, f.fvu_seen, static_cast<double>(f.live), f.single};
    });
    const std::string name =
        "latents " + std::to_string(row.config.latents) + ", k " + std::to_string(row.config.k);
    row.held_out.expect(mean[0], name);
    EXPECT_NEAR(mean[1], row.seen, .05) << name;
    EXPECT_NEAR(mean[2], row.live, 3) << name;
    EXPECT_NEAR(mean[3], row.single, .08) << name;
  }
}

}  // namespace
}  // namespace polysem
