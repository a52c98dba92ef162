// What only the onednn backend promises: threads, packed weights, several queues at once.
#include "polysem/backend.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <iterator>
#include <thread>
#include <vector>

#include "polysem/executor.hpp"

namespace polysem {
namespace {

std::ptrdiff_t threads_of_process() {
  namespace fs = std::filesystem;
  return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
}

Array normals(Executor& executor, std::int64_t rows, std::int64_t cols, std::uint32_t substream,
              MemoryUse use = MemoryUse::kGeneral) {
  Array array = executor.make(rows, cols, DType::kF32, use);
  executor.run(
      RandomFill{.kind = RandomFill::Kind::kNormal, .rows = rows, .cols = cols, .substream = substream},
      {.out = array});
  return array;
}

std::vector<float> product(Executor& executor, const Array& x, const Array& w, Precision precision) {
  const Array y = executor.make(x.rows(), w.rows());
  const Gemm op{.m = x.rows(), .n = w.rows(), .k = x.cols(), .transpose_b = true, .precision = precision};
  executor.run(op, {.a = x, .b = w, .bias = {}, .c = y});
  return executor.download_f32(y);
}

void expect_close(const std::vector<float>& a, const std::vector<float>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << "at " << i;
}

// oneDNN on OpenMP would start a team in every thread that calls it: as many threads again as there are
// processors.
TEST(OneDnnBackend, OneThreadStartsNoOthers) {
  const auto backend = open_backend("onednn", 1);
  const std::ptrdiff_t before = threads_of_process();
  Executor executor(*backend);
  const Array x = normals(executor, 700, 200, 1), w = normals(executor, 700, 200, 2);
  product(executor, x, w, Precision::kF32);
  product(executor, x, w, Precision::kBF16);
  EXPECT_EQ(threads_of_process(), before);
}

TEST(OneDnnBackend, PackedWeightsGiveTheSameProducts) {
  const auto backend = open_backend("onednn", 2);
  Executor executor(*backend);
  const Array w = normals(executor, 150, 70, 2),
              kept = normals(executor, 150, 70, 2, MemoryUse::kRarelyWritten);
  for (const std::int64_t m : {1, 2, 16, 127, 128, 300}) {
    const Array x = normals(executor, m, 70, 3);
    expect_close(product(executor, x, kept, Precision::kF32), product(executor, x, w, Precision::kF32), 1e-4);
    expect_close(product(executor, x, kept, Precision::kBF16), product(executor, x, w, Precision::kBF16),
                 1e-4);
  }
}

TEST(OneDnnBackend, PackedWeightsFollowWrites) {
  const auto backend = open_backend("onednn", 2);
  Executor executor(*backend);
  const Array x = normals(executor, 20, 32, 1), w = normals(executor, 90, 32, 2, MemoryUse::kRarelyWritten);
  product(executor, x, w, Precision::kF32);

  executor.run(Fill{90, 32, 0.0f}, {.out = w});  // by an op
  for (const float y : product(executor, x, w, Precision::kF32)) ASSERT_EQ(y, 0.0f);

  executor.upload(w, std::vector<float>(90 * 32, 1.0f));  // by the host
  const auto y = product(executor, x, w, Precision::kF32);
  const auto values = executor.download_f32(x);
  for (std::size_t r = 0; r < 20; ++r) {
    double sum = 0;
    for (std::size_t c = 0; c < 32; ++c) sum += values[r * 32 + c];
    ASSERT_NEAR(y[r * 90 + 7], sum, 1e-4);
  }
}

TEST(OneDnnBackend, QueuesOfSeveralThreadsWorkAtOnce) {
  const auto backend = open_backend("onednn", 2);
  const auto work = [&] {
    Executor executor(*backend);
    const Array x = normals(executor, 200, 48, 1), w = normals(executor, 500, 48, 2),
                b = executor.zeros(1, 500);
    const Array values = executor.make(1, 200 * 5), ids = executor.make(1, 200 * 5, DType::kI32);
    std::vector<float> first;
    for (int i = 0; i < 5; ++i) {
      const EncodeTopK op{.rows = 200, .d_in = 48, .latents = 500, .k = 5};
      executor.run(op, {.x = x,
                        .w_enc = w,
                        .b_enc = b,
                        .scale = {},
                        .candidates = {},
                        .values = values,
                        .ids = ids,
                        .nonfinite = {}});
      if (i == 0) first = executor.download_f32(values);
      if (executor.download_f32(values) != first) first.clear();
    }
    return first;
  };
  std::vector<std::vector<float>> results(3);
  std::vector<std::thread> threads;
  for (auto& result : results) threads.emplace_back([&] { result = work(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(results[0].size(), 1000u);
  EXPECT_EQ(results[1], results[0]);
  EXPECT_EQ(results[2], results[0]);
}

TEST(OneDnnBackend, SaysWhatItRunsOn) {
  const auto backend = open_backend("onednn", 3);
  EXPECT_EQ(backend->info().name, "onednn");
  EXPECT_EQ(backend->info().threads, 3);
  EXPECT_EQ(backend->info().driver.rfind("oneDNN ", 0), 0u);
  EXPECT_FALSE(backend->info().device.empty());
}

}  // namespace
}  // namespace polysem
