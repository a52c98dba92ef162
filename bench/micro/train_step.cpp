// train_step/RECIPE/PRECISION/BACKEND/D/N/B/K: one whole step, forward to Adam. The floor is the product that
// finds the latents, 2 B n d operations, plus reading and writing both matrices and their two moments, 48 n d
// bytes.
#include <algorithm>

#include "bench/micro/machine.hpp"
#include "bench/micro/settings.hpp"
#include "bench/micro/suites.hpp"
#include "bench/micro/timing.hpp"
#include "polysem/coder_init.hpp"
#include "polysem/coder_step.hpp"
#include "polysem/recipe.hpp"

namespace polysem::bench {

namespace {

double floor_seconds(const CoderSize& s, Precision precision) {
  const auto weights = static_cast<double>(s.n * s.d);
  return 2.0 * static_cast<double>(s.batch) * weights / product_rate(precision) +
         48.0 * weights / memory_bandwidth();
}

/// Weights whose codes have about k active latents a row from the first step on, whatever the recipe: by
/// thresholds where it learns some, by biases for ReLU.
CoderWeights weights_of(Executor& executor, const CoderConfig& config, const Array& x, const CoderSize& s) {
  constexpr std::int64_t kRows = 1024;
  const std::vector<float> origin(static_cast<std::size_t>(s.d), 0.0f);
  CoderWeights weights = initial_weights(config, origin, 1, 0);
  const Penalty penalty = find_recipe(config.recipe).penalty;
  if (penalty == Penalty::kNone) return weights;
  const auto rows = executor.download_f32(x.view().row_range(0, std::min(kRows, s.batch)));
  auto thresholds = initial_thresholds(executor, config, weights, rows);
  if (penalty == Penalty::kL0) {
    weights.threshold = std::move(thresholds);
  } else {
    for (std::size_t j = 0; j < thresholds.size(); ++j) weights.b_enc[j] -= thresholds[j];
  }
  return weights;
}

void train_step(benchmark::State& state, const std::string& recipe, Precision precision, const CoderSize& s) {
  Executor executor(backend());
  CoderConfig config{.recipe = recipe, .d_in = s.d, .d_out = s.d, .latents = s.n, .k = s.k};
  config.precision = precision;
  const Array x = executor.make(s.batch, s.d);
  executor.run(RandomFill{.kind = RandomFill::Kind::kNormal, .rows = s.batch, .cols = s.d}, {.out = x});
  CoderStep step(executor, config, weights_of(executor, config, x, s), s.batch, static_cast<double>(s.d));
  std::int64_t number = 0;
  // Steps so small that L0 stays where it is.
  measure(state, executor, floor_seconds(s, precision),
          [&] { step.run(x, x, {.rate = 1e-6f, .step = ++number}, 0.0f, false, 1.0f); });
  state.counters["l0"] = step.run(x, x, {.rate = 0.0f, .step = ++number}, 0.0f, true).l0;
}

}  // namespace

void add_train_step_benchmarks() {
  std::vector<CoderSize> sizes = {{576, 8192, 2048, 32}, {768, 24576, 4096, 32}};
  const Settings& own = settings();
  if (const CoderSize size{own.d, own.n, own.batch, own.k};
      own.d > 0 && std::find(sizes.begin(), sizes.end(), size) == sizes.end())
    sizes.push_back(size);
  for (const Recipe* recipe : recipes()) {
    for (const Precision precision : backend().info().precisions) {
      for (const CoderSize& s : sizes) {
        const std::string name = "train_step/" + std::string(recipe->name) + "/" +
                                 std::string(polysem::name(precision)) + "/" + backend().info().name + "/" +
                                 std::to_string(s.d) + "/" + std::to_string(s.n) + "/" +
                                 std::to_string(s.batch) + "/" + std::to_string(s.k);
        add(name, [recipe, precision, s](benchmark::State& state) {
          train_step(state, std::string(recipe->name), precision, s);
        });
      }
    }
  }
}

}  // namespace polysem::bench
