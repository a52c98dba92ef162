// Many training steps of a small coder of every recipe, on every backend against the reference.
#include <gtest/gtest.h>

#include "polysem/coder_init.hpp"
#include "polysem/coder_step.hpp"
#include "polysem/recipe.hpp"
#include "tests/conformance/backends.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/support/runs_recipe.hpp"

namespace polysem::conformance {
namespace {

constexpr std::int64_t kRows = 96, kDim = 24, kLatents = 200;
constexpr int kSteps = 40;

CoderConfig config_of(const Recipe& recipe) {
  CoderConfig config{.recipe = std::string(recipe.name), .d_in = kDim, .d_out = kDim, .latents = kLatents};
  config.k = 6;
  config.aux_k = 8;
  config.dead_window = 10 * kRows;
  config.bandwidth = 1.0f;
  return config;
}

struct Trajectory {
  std::vector<double> losses, l0;
  std::vector<bool> dense;
  CoderWeights weights;
};

// Normal rows with a few strong directions, fresh ones every step.
std::vector<float> rows_of(int step) {
  const Random random(11, RandomStream::kData, static_cast<std::uint32_t>(step));
  std::vector<float> x(kRows * kDim);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = random.normal(i) * (i % kDim < 4 ? 3.0f : 0.7f);
  return x;
}

Trajectory train(Backend& backend, const Recipe& recipe) {
  Executor executor(backend);
  const CoderConfig config = config_of(recipe);
  const auto first = rows_of(0);
  CoderWeights weights = initial_weights(config, first, kRows, 3);
  if (recipe.learns_thresholds) {  // the same on every backend
    Executor reference(opened("reference"));
    weights.threshold = initial_thresholds(reference, config, weights, first);
  }
  CoderStep step(executor, config, weights, kRows, 40.0);
  const Array x = executor.make(kRows, kDim);
  Trajectory t;
  for (int i = 1; i <= kSteps; ++i) {
    executor.upload(x, rows_of(i));
    const float sparsity = recipe.penalty == Penalty::kL1 ? 4.0f : 1.0f;
    const StepResult result = step.run(x, x, {.rate = 0.003f, .step = i}, 0, true, sparsity);
    t.losses.push_back(result.loss), t.l0.push_back(result.l0), t.dense.push_back(result.dense);
  }
  t.weights = step.weights();
  return t;
}

class RecipeTrajectories : public BackendTest {};

// Rounding grows from step to step, and what lies on a threshold falls on either side of it; a wrong formula
// is far outside.
TEST_P(RecipeTrajectories, FollowTheReference) {
  for (const Recipe* recipe : recipes()) {
    SCOPED_TRACE(recipe->name);
    if (!test::runs_recipe(backend(), *recipe)) continue;
    const Trajectory expected = train(opened("reference"), *recipe), actual = train(backend(), *recipe);
    for (std::size_t i = 0; i < kSteps; ++i) {
      EXPECT_NEAR(actual.losses[i], expected.losses[i], 1e-3 * expected.losses[i]) << "step " << i + 1;
      EXPECT_NEAR(actual.l0[i], expected.l0[i], 0.05) << "step " << i + 1;
    }
    EXPECT_LT(expected.losses.back(), 0.95 * expected.losses.front()) << "the coder learns nothing: no test";
    EXPECT_EQ(actual.dense, expected.dense);
    EXPECT_LE(nmse(expected.weights.w_enc, actual.weights.w_enc), 1e-5);
    EXPECT_LE(nmse(expected.weights.w_dec, actual.weights.w_dec), 1e-5);
    if (recipe->needs_threshold()) {
      EXPECT_LE(nmse(expected.weights.threshold, actual.weights.threshold), 1e-5);
    }
  }
}

TEST_P(RecipeTrajectories, HaveTheSameBitsForAnyNumberOfThreads) {
  for (const Recipe* recipe : recipes()) {
    SCOPED_TRACE(recipe->name);
    if (!test::runs_recipe(backend(), *recipe)) continue;
    const Trajectory two = train(backend(2), *recipe);
    for (const int threads : {1, 3, 4}) {
      if (!runs_otherwise(backend(threads), backend(2))) continue;
      const Trajectory other = train(backend(threads), *recipe);
      EXPECT_TRUE(other.losses == two.losses && other.l0 == two.l0 && other.dense == two.dense);
      EXPECT_TRUE(other.weights.w_enc == two.weights.w_enc && other.weights.w_dec == two.weights.w_dec &&
                  other.weights.b_enc == two.weights.b_enc && other.weights.b_dec == two.weights.b_dec &&
                  other.weights.threshold == two.weights.threshold);
    }
  }
}

POLYSEM_FOR_EVERY_BACKEND(RecipeTrajectories);

}  // namespace
}  // namespace polysem::conformance
