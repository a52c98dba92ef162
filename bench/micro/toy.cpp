#include <string>

#include "bench/micro/suites.hpp"
#include "bench/micro/timing.hpp"
#include "polysem/toy_training.hpp"

namespace polysem::bench {

namespace {

struct Size {
  std::int64_t instances, features, dims, steps, batch;
};

// A whole run of toy models side by side: features, gradients, AdamW.
void superposition(benchmark::State& state, const Size& size) {
  Executor executor(backend());
  ToyConfig config{.features = size.features, .dims = size.dims, .instances = size.instances};
  config.density.assign(config.biases(), 0.05f), config.importance.assign(config.biases(), 1.0f);
  ToyTraining training;
  training.rate.steps = size.steps, training.batch = size.batch;
  const ToyWeights start = init_toy_weights(config, 1);
  // Five products of features by dims for each sample, and what that takes at the machine's best.
  const double operations =
      10.0 * static_cast<double>(size.instances * size.features * size.dims * size.steps * size.batch);
  for ([[maybe_unused]] auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    train_toy(executor, config, training, start);
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  state.counters["floor_seconds"] = operations / product_rate(Precision::kF32);
  state.counters["steps_per_second"] =
      benchmark::Counter(static_cast<double>(size.steps), benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

void add_toy_benchmarks() {
  for (const Size& s : {Size{20, 5, 2, 10000, 1024}, {1, 400, 30, 100, 1024}})
    add("toy/superposition/" + std::to_string(s.instances) + "/" + std::to_string(s.features) + "/" +
            std::to_string(s.dims) + "/" + std::to_string(s.steps) + "/" + std::to_string(s.batch),
        [=](benchmark::State& state) { superposition(state, s); });
}

}  // namespace polysem::bench
