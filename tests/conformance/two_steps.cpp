#include "tests/conformance/two_steps.hpp"

#include "polysem/random.hpp"
#include "polysem/recipe.hpp"

namespace polysem::test {

namespace {

constexpr std::int64_t kRows = 24, kDim = 12, kLatents = 40;

std::vector<float> normals(std::int64_t count, std::uint32_t substream) {
  const Random random(3, RandomStream::kData, substream);
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(random.normal(static_cast<std::uint64_t>(i)));
  return values;
}

}  // namespace

StepOutcome two_steps(Backend& backend, const StepSetup& setup) {
  Executor executor(backend);
  CoderConfig config{.recipe = setup.recipe, .d_in = kDim, .d_out = kDim, .latents = kLatents, .k = 3};
  config.aux_k = 4;
  config.dead_window = 1;  // whoever is silent in the first step is dead in the second
  config.precision = setup.precision;
  config.bandwidth = 1.0f;
  CoderWeights weights{normals(kLatents * kDim, 0), normals(kLatents * kDim, 1), normals(kLatents, 2),
                       normals(kDim, 3)};
  if (find_recipe(setup.recipe).learns_thresholds) weights.threshold.assign(kLatents, 2.0f);
  CoderStep step(executor, config, weights, kRows, 1.0);
  const Array x = executor.make_from(kRows, kDim, normals(kRows * kDim, 4));
  StepOutcome outcome;
  AdamStep adam;
  for (adam.step = 1; adam.step <= 2; ++adam.step)
    outcome.loss = step.run(x, x, adam, setup.clip, true, 1.0f).loss;
  const CoderWeights trained = step.weights();
  outcome.w_enc = trained.w_enc;
  outcome.w_dec = trained.w_dec;
  return outcome;
}

}  // namespace polysem::test
