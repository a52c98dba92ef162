#include "bench/micro/machine.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "bench/micro/settings.hpp"
#include "polysem/executor.hpp"

namespace polysem::bench {

namespace {

double fastest_seconds(int runs, const std::function<void()>& work) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

int threads() { return std::max(1, backend().info().threads); }

double one_thread_product_rate(Precision precision) {
  const auto one = open_backend(settings().backend, 1);
  Executor executor(*one);
  const std::int64_t m = 512, n = 512, k = 768;
  const auto weights = MemoryUse::kRarelyWritten;
  const Array x = executor.make(m, k), w = executor.make(n, k, DType::kF32, weights), y = executor.make(m, n);
  executor.run(RandomFill{.kind = RandomFill::Kind::kNormal, .rows = m, .cols = k}, {.out = x});
  executor.run(RandomFill{.kind = RandomFill::Kind::kNormal, .rows = n, .cols = k}, {.out = w});
  const Gemm op{.m = m, .n = n, .k = k, .transpose_b = true, .precision = precision};
  const double seconds = fastest_seconds(50, [&] {
    executor.run(op, {.a = x, .b = w, .bias = {}, .c = y});
    executor.synchronize();
  });
  return 2.0 * static_cast<double>(m * n * k) / seconds;
}

}  // namespace

Backend& backend() {
  static const auto open = open_backend(settings().backend, settings().threads);
  return *open;
}

double product_rate(Precision precision) {
  static const double f32 = one_thread_product_rate(Precision::kF32);
  static const double bf16 = one_thread_product_rate(Precision::kBF16);
  return (precision == Precision::kF32 ? f32 : bf16) * threads();
}

// Every thread adds one stream of its own to another: two reads and a write, as an optimiser step has them.
double memory_bandwidth() {
  static const double rate = [] {
    constexpr std::size_t kElements = std::size_t{1} << 24;
    std::vector<std::vector<float>> a(static_cast<std::size_t>(threads())), b(a.size());
    const auto on_all_threads = [&](const std::function<void(std::size_t)>& work) {
      std::vector<std::thread> running;
      for (std::size_t t = 0; t < a.size(); ++t) running.emplace_back([&work, t] { work(t); });
      for (std::thread& thread : running) thread.join();
    };
    on_all_threads([&](std::size_t t) { a[t].assign(kElements, 1.0f), b[t].assign(kElements, 2.0f); });
    const double seconds = fastest_seconds(10, [&] {
      on_all_threads([&](std::size_t t) {
        for (std::size_t i = 0; i < kElements; ++i) a[t][i] += b[t][i];
      });
    });
    return 3.0 * sizeof(float) * static_cast<double>(kElements * a.size()) / seconds;
  }();
  return rate;
}

}  // namespace polysem::bench
