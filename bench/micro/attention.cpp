#include <string>
#include <vector>

#include "bench/micro/suites.hpp"
#include "bench/micro/timing.hpp"

namespace polysem::bench {

namespace {

// Causal attention of whole documents, heads as in SmolLM2-135M. The floor counts the products that causality
// leaves.
void attention(benchmark::State& state, std::int64_t sequences, std::int64_t length) {
  Executor executor(backend());
  Attention op{.sequences = sequences, .heads = 9, .kv_heads = 3, .head_dim = 64, .scale = 0.125f};
  op.rows = op.key_rows = sequences * length;
  const Array query = executor.make(op.rows, op.heads * op.head_dim),
              out = executor.make(op.rows, query.cols());
  const Array key = executor.make(op.rows, op.kv_heads * op.head_dim),
              value = executor.make(op.rows, key.cols());
  for (const Array& x : {query, key, value})
    executor.run(RandomFill{.kind = RandomFill::Kind::kNormal, .rows = x.rows(), .cols = x.cols()},
                 {.out = x});
  std::vector<std::int32_t> begin,
      count(static_cast<std::size_t>(sequences), static_cast<std::int32_t>(length));
  for (std::int64_t s = 0; s <= sequences; ++s) begin.push_back(static_cast<std::int32_t>(s * length));
  const Array query_begin = executor.make_from(1, sequences + 1, begin),
              key_count = executor.make_from(1, sequences, count);
  begin.pop_back();
  const Array key_begin = executor.make_from(1, sequences, begin);
  const double pairs = 0.5 * static_cast<double>(sequences * length * (length + 1) * op.heads);
  const double floor = 4.0 * pairs * static_cast<double>(op.head_dim) / product_rate(Precision::kF32);
  measure(state, executor, floor, [&] {
    executor.run(op, {.query = query,
                      .key = key,
                      .value = value,
                      .query_begin = query_begin,
                      .key_begin = key_begin,
                      .key_count = key_count,
                      .out = out});
  });
}

}  // namespace

void add_attention_benchmarks() {
  struct Size {
    std::int64_t sequences, length;
  };
  for (const Size& s : {Size{1, 2048}, Size{8, 256}})
    add("attention/" + std::to_string(s.sequences) + "/" + std::to_string(s.length),
        [=](benchmark::State& state) { attention(state, s.sequences, s.length); });
}

}  // namespace polysem::bench
