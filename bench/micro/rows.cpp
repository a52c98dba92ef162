#include <string>
#include <vector>

#include "bench/micro/suites.hpp"
#include "bench/micro/timing.hpp"

namespace polysem::bench {

namespace {

Array filled(Executor& executor, std::int64_t rows, std::int64_t cols) {
  Array array = executor.make(rows, cols);
  executor.run(RandomFill{.kind = RandomFill::Kind::kNormal, .rows = rows, .cols = cols}, {.out = array});
  return array;
}

double floor_of(std::int64_t elements) { return 4.0 * static_cast<double>(elements) / memory_bandwidth(); }

void rms_norm(benchmark::State& state) {
  Executor executor(backend());
  const Array x = filled(executor, 2048, 576), weight = filled(executor, 1, 576),
              out = executor.make(2048, 576);
  measure(state, executor, floor_of(2 * x.view().elements()),
          [&] { executor.run(RmsNorm{.rows = 2048, .cols = 576}, {.x = x, .weight = weight, .out = out}); });
}

void rope(benchmark::State& state) {
  Executor executor(backend());
  const Array x = filled(executor, 2048, 576);
  std::vector<std::int32_t> places(2048);
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = static_cast<std::int32_t>(i);
  const Array positions = executor.make_from(1, 2048, places);
  const Rope op{.rows = 2048, .heads = 9, .head_dim = 64, .rotary = 64, .interleaved = false};
  measure(state, executor, floor_of(2 * x.view().elements()),
          [&] { executor.run(op, {.positions = positions, .x = x}); });
}

void silu_mul(benchmark::State& state) {
  Executor executor(backend());
  const Array a = filled(executor, 2048, 1536), b = filled(executor, 2048, 1536);
  const Elementwise op{
      .kind = Elementwise::Kind::kSiluMul, .rows = 2048, .cols = 1536, .b_rows = 2048, .b_cols = 1536};
  measure(state, executor, floor_of(3 * a.view().elements()),
          [&] { executor.run(op, {.a = a, .b = b, .out = a}); });
}

void kl_divergence(benchmark::State& state) {
  Executor executor(backend());
  const Array p = filled(executor, 256, 49152), q = filled(executor, 256, 49152), out = executor.make(1, 256);
  measure(state, executor, floor_of(2 * p.view().elements()), [&] {
    executor.run(KlDivergence{.rows = 256, .classes = 49152},
                 {.p_logits = p, .q_logits = q, .divergence = out});
  });
}

void cross_entropy(benchmark::State& state) {
  Executor executor(backend());
  const Array logits = filled(executor, 256, 49152), loss = executor.make(1, 256);
  const Array targets = executor.make_from(1, 256, std::vector<std::int32_t>(256, 7));
  measure(state, executor, floor_of(logits.view().elements()), [&] {
    executor.run(CrossEntropy{.rows = 256, .classes = 49152},
                 {.logits = logits, .targets = targets, .loss = loss});
  });
}

}  // namespace

void add_row_benchmarks() {
  add("rms_norm/2048/576", rms_norm);
  add("rope/2048/576", rope);
  add("silu_mul/2048/1536", silu_mul);
  add("cross_entropy/256/49152", cross_entropy);
  add("kl_divergence/256/49152", kl_divergence);
}

}  // namespace polysem::bench
