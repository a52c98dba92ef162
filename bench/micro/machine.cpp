#include "bench/micro/machine.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
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

bool on_a_card() { return backend().info().threads == 0; }

double product_rate(Backend& on, Precision precision, std::int64_t m, std::int64_t n, std::int64_t k,
                    int runs) {
  Executor executor(on);
  const auto weights = MemoryUse::kRarelyWritten;
  const Array x = executor.make(m, k), w = executor.make(n, k, DType::kF32, weights), y = executor.make(m, n);
  executor.run(RandomFill{.kind = RandomFill::Kind::kNormal, .rows = m, .cols = k}, {.out = x});
  executor.run(RandomFill{.kind = RandomFill::Kind::kNormal, .rows = n, .cols = k}, {.out = w});
  const Gemm op{.m = m, .n = n, .k = k, .transpose_b = true, .precision = precision};
  const double seconds = fastest_seconds(runs, [&] {
    executor.run(op, {.a = x, .b = w, .bias = {}, .c = y});
    executor.synchronize();
  });
  return 2.0 * static_cast<double>(m * n * k) / seconds;
}

double one_thread_product_rate(Precision precision) {
  const auto one = open_backend(settings().backend, 1);
  return product_rate(*one, precision, 512, 512, 768, 50);
}

// A fast card shows what it can on large products only, which a slow one would take minutes for.
double card_product_rate(Precision precision) {
  const double rate = product_rate(backend(), precision, 512, 512, 768, 5);
  return rate < 2e11 ? rate : std::max(rate, product_rate(backend(), precision, 8192, 8192, 2048, 20));
}

// A sum of two large matrices: two reads and a write.
double card_bandwidth() {
  Executor executor(backend());
  constexpr std::int64_t kSide = 4096;
  const Array a = executor.zeros(kSide, kSide), b = executor.zeros(kSide, kSide);
  const Elementwise add{.kind = Elementwise::Kind::kAxpby,
                        .rows = kSide,
                        .cols = kSide,
                        .b_rows = kSide,
                        .b_cols = kSide,
                        .beta = 1.0f};
  const double seconds = fastest_seconds(10, [&] {
    executor.run(add, {.a = a, .b = b, .out = a});
    executor.synchronize();
  });
  return 3.0 * sizeof(float) * static_cast<double>(kSide * kSide) / seconds;
}

}  // namespace

Backend& backend() {
  static const auto open = open_backend(settings().backend, settings().threads);
  return *open;
}

double product_rate(Precision precision) {
  static std::map<Precision, double> rates;
  const auto [place, fresh] = rates.try_emplace(precision);
  if (fresh)
    place->second =
        on_a_card() ? card_product_rate(precision) : one_thread_product_rate(precision) * threads();
  return place->second;
}

// Every thread adds one stream of its own to another: two reads and a write, as an optimiser step has them.
double memory_bandwidth() {
  static const double rate = [] {
    if (on_a_card()) return card_bandwidth();
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
