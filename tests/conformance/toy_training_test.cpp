// Many training steps of toy models on every backend against the reference.
#include <gtest/gtest.h>

#include "polysem/tied_training.hpp"
#include "polysem/toy_training.hpp"
#include "tests/conformance/backends.hpp"
#include "tests/conformance/compare.hpp"

namespace polysem::conformance {
namespace {

using Losses = std::vector<std::vector<float>>;

void expect_alike(const Losses& expected, const Losses& actual) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t step = 0; step < expected.size(); ++step)
    for (std::size_t i = 0; i < expected[step].size(); ++i)
      EXPECT_NEAR(actual[step][i], expected[step][i], 1e-4 * expected[step][i]) << step << ", instance " << i;
}

class ToyTrainings : public BackendTest {};

struct ToyRun {
  ToyWeights weights;
  Losses losses;
};

ToyRun train_toy_on(Backend& backend, const ToyConfig& config, ToyOptimiser optimiser, double rate) {
  ToyTraining training;
  training.rate = {
      .peak = rate, .shape = LearningRate::Shape::kConstant, .warmup = 0, .decay = 0, .steps = 15};
  training.batch = 40, training.optimiser = optimiser, training.momentum = 0.5;
  ToyRun run;
  ToyObserver observer;
  observer.every = 5;
  observer.on_step = [&](const ToyProgress& progress, const ToyWeights&) {
    run.losses.push_back(progress.loss);
  };
  Executor executor(backend);
  run.weights = train_toy(executor, config, training, init_toy_weights(config, 7), observer).weights;
  return run;
}

TEST_P(ToyTrainings, FollowTheReference) {
  ToyConfig tied{.features = 6, .dims = 2, .instances = 2};
  tied.density.assign(tied.biases(), 0.5f), tied.importance.assign(tied.biases(), 1.0f);
  tied.sets = FeatureFill::Sets::kOneOf, tied.set_size = 2;
  ToyConfig computing = tied;
  computing.tied = false, computing.relu_hidden = true, computing.absolute_target = true;
  computing.symmetric = true, computing.dims = 5, computing.sets = FeatureFill::Sets::kIndependent;
  for (const ToyConfig& config : {tied, computing}) {
    for (const auto& [optimiser, rate] : {std::pair{ToyOptimiser::kAdam, 0.05}, {ToyOptimiser::kSgd, 2.0}}) {
      const ToyRun expected = train_toy_on(opened("reference"), config, optimiser, rate),
                   actual = train_toy_on(backend(), config, optimiser, rate);
      expect_alike(expected.losses, actual.losses);
      EXPECT_GT(nmse(expected.weights.w, init_toy_weights(config, 7).w), 1e-2)
          << "it learns nothing: no test";
      EXPECT_LE(nmse(expected.weights.w, actual.weights.w), 1e-8);
      EXPECT_LE(nmse(expected.weights.bias, actual.weights.bias), 1e-8);
      if (config.tied) continue;
      EXPECT_LE(nmse(expected.weights.decoder, actual.weights.decoder), 1e-8);
    }
  }
}

TEST_P(ToyTrainings, WithOneMatrixFollowTheReference) {
  const TiedConfig config{.features = 12, .neurons = 20, .instances = 2};
  TiedTraining training{.rate = 0.01, .l1 = 0.01, .seed = 3};
  training.noise = {{TiedNoise::Kind::kBipolar, 0.05}};
  const auto train_on = [&](Backend& device, std::int64_t steps) {
    training.steps = steps;
    Executor executor(device);
    return train_tied(executor, config, training, init_tied(config, TiedInit::kNormal, 5));
  };
  const TiedResult first = train_on(opened("reference"), 1), expected = train_on(opened("reference"), 30),
                   actual = train_on(backend(), 30);
  expect_alike({first.loss, expected.loss}, {train_on(backend(), 1).loss, actual.loss});
  EXPECT_LE(nmse(expected.w, actual.w), 1e-8);
  EXPECT_GT(nmse(expected.w, first.w), 1e-2) << "it learns nothing: no test";
}

POLYSEM_FOR_EVERY_BACKEND(ToyTrainings);

}  // namespace
}  // namespace polysem::conformance
