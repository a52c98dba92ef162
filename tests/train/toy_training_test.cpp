// Toy models trained on the default backend.
#include "polysem/toy_training.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "polysem/error.hpp"
#include "polysem/toy_loss.hpp"

namespace polysem {
namespace {

ToyConfig five_in_two(std::int64_t instances, float density) {
  ToyConfig c{.features = 5, .dims = 2, .instances = instances};
  c.density.assign(c.biases(), density), c.importance.assign(c.biases(), 1.0f);
  return c;
}

ToyTraining steps(std::int64_t count, double rate = 3e-3) {
  ToyTraining t;
  t.rate = {
      .peak = rate, .shape = LearningRate::Shape::kConstant, .warmup = 0, .decay = count / 2, .steps = count};
  t.batch = 256;
  return t;
}

ToyResult train(const ToyConfig& c, const ToyTraining& t, int threads = 2, const ToyObserver& observer = {}) {
  const auto backend = open_backend("", threads);
  Executor executor(*backend);
  return train_toy(executor, c, t, init_toy_weights(c, 7), observer);
}

TEST(ToyTraining, SameBitsForAnyNumberOfThreads) {
  const ToyConfig c = five_in_two(6, 0.1f);
  const ToyResult one = train(c, steps(50), 1), four = train(c, steps(50), 4);
  EXPECT_EQ(one.weights.w, four.weights.w);
  EXPECT_EQ(one.weights.bias, four.weights.bias);
  EXPECT_NE(one.weights.w, init_toy_weights(c, 7).w);
}

// No instance sees another: the first of six is what it is alone, but for its data, which is its own.
TEST(ToyTraining, EveryOptimiserLowersTheLoss) {
  const ToyConfig c = five_in_two(4, 0.1f);
  const ToyWeights start = init_toy_weights(c, 7);
  struct Choice {
    ToyOptimiser optimiser;
    double rate, momentum, decay;
  };
  for (const Choice& choice : {Choice{ToyOptimiser::kAdamW, 1e-2, 0, 0.01},
                               {ToyOptimiser::kAdam, 1e-2, 0, 0},
                               {ToyOptimiser::kRmsProp, 1e-2, 0, 0},
                               {ToyOptimiser::kSgd, 5.0, 0.5, 0}}) {
    ToyTraining t = steps(400, choice.rate);
    t.optimiser = choice.optimiser, t.momentum = choice.momentum, t.weight_decay = choice.decay;
    const ToyResult result = train(c, t);
    for (std::int64_t i = 0; i < c.instances; ++i) {
      const double before = exact_relu_loss(toy_instance(c, start, i));
      const double after = exact_relu_loss(toy_instance(c, result.weights, i));
      EXPECT_LT(after, 0.5 * before) << static_cast<int>(choice.optimiser) << ' ' << i;
      EXPECT_FALSE(result.diverged[static_cast<std::size_t>(i)]);
    }
  }
}

// Steps by hand, in double, on fixed samples: what an optimiser does with a gradient, not only that it helps.
TEST(ToyTraining, OneStepOfEachOptimiserIsTheFormula) {
  ToyConfig c{.features = 1, .dims = 1, .relu_output = false};
  c.density = {1.0f}, c.importance = {1.0f};
  const double w = 0.5, b = 0.25, x = 0.8;
  const double error = w * w * x + b - x, dw = 2 * error * 2 * w * x, db = 2 * error;
  ToyObserver fixed;
  fixed.samples = {static_cast<float>(x)}, fixed.sample_count = 1;
  const auto backend = open_backend("", 1);
  Executor executor(*backend);
  const auto after = [&](ToyOptimiser optimiser, double decay) {
    ToyTraining t = steps(1, 0.01);
    t.rate.decay = 0, t.optimiser = optimiser, t.weight_decay = decay;
    const ToyResult r = train_toy(executor, c, t, {{0.5f}, {}, {0.25f}}, fixed);
    return std::pair<double, double>{r.weights.w[0], r.weights.bias[0]};
  };
  const auto expect = [](std::pair<double, double> found, double w_new, double b_new) {
    EXPECT_NEAR(found.first, w_new, 1e-6);
    EXPECT_NEAR(found.second, b_new, 1e-6);
  };
  const auto sign = [](double v) { return v > 0 ? 1.0 : -1.0; };
  expect(after(ToyOptimiser::kSgd, 0.0), w - 0.01 * dw, b - 0.01 * db);
  expect(after(ToyOptimiser::kSgd, 0.1), w - 0.01 * (dw + 0.1 * w), b - 0.01 * (db + 0.1 * b));
  expect(after(ToyOptimiser::kAdam, 0.0), w - 0.01 * sign(dw), b - 0.01 * sign(db));
  expect(after(ToyOptimiser::kAdamW, 0.1), w - 0.01 * (sign(dw) + 0.1 * w), b - 0.01 * (sign(db) + 0.1 * b));
  // g / sqrt(.01 g^2) = 10.
  expect(after(ToyOptimiser::kRmsProp, 0.0), w - 0.1 * sign(dw), b - 0.1 * sign(db));
}

TEST(ToyTraining, ADivergedInstanceIsMarkedAndLeavesTheOthersAlone) {
  ToyConfig c = five_in_two(2, 0.5f);
  std::fill(c.importance.begin(), c.importance.begin() + 5, 1e6f);  // far beyond what this rate bears
  ToyTraining t = steps(200, 0.5);
  t.optimiser = ToyOptimiser::kSgd, t.weight_decay = 0;
  const ToyResult result = train(c, t);
  EXPECT_TRUE(result.diverged[0]);
  EXPECT_FALSE(result.diverged[1]);
  EXPECT_LT(exact_relu_loss(toy_instance(c, result.weights, 1)), 1.0);
}

TEST(ToyTraining, ObserverSeesStepsAndMayStop) {
  const ToyConfig c = five_in_two(1, 0.5f);
  std::vector<std::int64_t> seen;
  ToyObserver observer;
  observer.every = 40;
  observer.on_step = [&](const ToyProgress& p, const ToyWeights& w) {
    seen.push_back(p.step);
    EXPECT_EQ(w.w.size(), 10u);
    EXPECT_GT(p.loss.at(0), 0);
  };
  train(c, steps(100), 1, observer);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{40, 80, 100}));
  observer.stop_requested = [] { return true; };
  EXPECT_THROW(train(c, steps(100), 1, observer), Error);
}

TEST(ToyTraining, RefusesNumbersThatMakeNoSense) {
  const auto refused = [](ToyConfig c, ToyTraining t, const std::string& part) {
    try {
      train(c, t);
      ADD_FAILURE() << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  const ToyConfig good = five_in_two(1, 0.5f);
  ToyConfig c = good;
  c.density[2] = 0, refused(c, steps(1), "density");
  c = good, c.density[0] = 1.5f, refused(c, steps(1), "density");
  c = good, c.density[1] = NAN, refused(c, steps(1), "density");
  c = good, c.importance[0] = -1, refused(c, steps(1), "importance");
  c = good, c.set_size = 2, refused(c, steps(1), "set");
  c = good, c.instances = 0, refused(c, steps(1), "at least 1");
  c = good, c.density.pop_back(), refused(c, steps(1), "density");
  ToyTraining t = steps(1);
  t.batch = 0, refused(good, t, "batch");
  t = steps(1), t.rate.peak = NAN, refused(good, t, "lr");
  t = steps(1), t.momentum = 1, refused(good, t, "momentum");
  t = steps(-1), refused(good, t, "steps");
}

}  // namespace
}  // namespace polysem
