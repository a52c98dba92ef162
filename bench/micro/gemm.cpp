#include <string>
#include <vector>

#include "bench/micro/suites.hpp"
#include "bench/micro/timing.hpp"

namespace polysem::bench {

namespace {

struct Size {
  std::int64_t m, n, k;
};

// y[m, n] = x[m, k] W^T as a transformer has it: weights that do not change.
void gemm(benchmark::State& state, Precision precision, Size size) {
  Executor executor(backend());
  const Array x = executor.make(size.m, size.k), y = executor.make(size.m, size.n);
  const Array w = executor.make(size.n, size.k, DType::kF32, MemoryUse::kRarelyWritten);
  executor.run(RandomFill{.kind = RandomFill::Kind::kNormal, .rows = size.m, .cols = size.k}, {.out = x});
  executor.run(RandomFill{.kind = RandomFill::Kind::kNormal, .rows = size.n, .cols = size.k}, {.out = w});
  const Gemm op{.m = size.m, .n = size.n, .k = size.k, .transpose_b = true, .precision = precision};
  const auto m = static_cast<double>(size.m), n = static_cast<double>(size.n),
             k = static_cast<double>(size.k);
  const double weight_bytes = n * k * static_cast<double>(size_of(storage_type(precision)));
  const double bytes = weight_bytes + 4.0 * (m * k + m * n);
  const double floor = std::max(2.0 * m * n * k / product_rate(precision), bytes / memory_bandwidth());
  measure(state, executor, floor, [&] { executor.run(op, {.a = x, .b = w, .bias = {}, .c = y}); });
}

}  // namespace

void add_gemm_benchmarks() {
  const std::vector<Size> sizes = {{2048, 576, 576},  {2048, 1536, 576}, {2048, 576, 1536},
                                   {4096, 3072, 768}, {1, 1536, 576},    {1, 3072, 1536},
                                   {1, 49152, 576},   {16, 3072, 1536},  {4096, 24576, 768}};
  for (const Precision precision : backend().info().precisions)
    for (const Size& s : sizes)
      add("gemm/" + std::string(name(precision)) + "/" + std::to_string(s.m) + "/" + std::to_string(s.n) +
              "/" + std::to_string(s.k),
          [=](benchmark::State& state) { gemm(state, precision, s); });
}

}  // namespace polysem::bench
