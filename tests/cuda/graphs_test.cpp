// Steps as CUDA graphs, on the emulated device: it keeps what is captured, refuses in a capture what the real
// runtime refuses, and counts launches.
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "polysem/error.hpp"
#include "polysem/executor.hpp"
#include "tests/cuda/emulated/faults.hpp"

namespace polysem {
namespace {

using emulated::faults;
using Values = std::vector<float>;

class CudaGraphs : public testing::Test {
 protected:
  void SetUp() override { emulated::forget_faults(); }
  void TearDown() override { emulated::forget_faults(); }
};

/// y = (value 1 1^T) (value 1 1^T)^T = n value^2, of matrices that are gone before the step runs.
void step(Executor& run, const Array& y, float value, Precision precision = Precision::kF32,
          std::int64_t gap = 0) {
  const std::int64_t n = y.rows();
  const Array wide = run.make(n, n + gap, precision == Precision::kBF16 ? DType::kBF16 : DType::kF32);
  const Tensor x = wide.view().col_range(0, n);
  run.run(Fill{n, n, value}, {.out = x});
  run.run(Gemm{.m = n, .n = n, .k = n, .transpose_b = true, .precision = precision},
          {.a = x, .b = x, .bias = {}, .c = y});
  run.submit();
}

Values all(std::int64_t n, float value) {
  return Values(static_cast<std::size_t>(n * n), static_cast<float>(n) * value * value);
}

TEST_F(CudaGraphs, AStepThatComesAgainIsOneLaunch) {
  const auto backend = open_backend("cuda");
  Executor run(*backend);
  const Array y = run.make(4, 4);
  for (int i = 1; i <= 5; ++i) {
    step(run, y, static_cast<float>(i));
    EXPECT_EQ(faults().graph_launches, static_cast<std::uint64_t>(i - 1));
    EXPECT_EQ(run.download_f32(y), all(4, static_cast<float>(i)));
  }
  EXPECT_EQ(faults().graphs_made, 1u);
}

TEST_F(CudaGraphs, NothingRunsBeforeItIsSubmitted) {
  const auto backend = open_backend("cuda");
  const auto queue = backend->make_queue();
  const auto buffer = backend->allocate(4);
  const Tensor x{buffer.get(), 0, 1, 1, 1, DType::kF32};
  const std::uint64_t before = faults().calls;
  queue->run(Fill{1, 1, 3.0f}, std::array{x});
  EXPECT_EQ(faults().calls, before);
  queue->submit();
  EXPECT_EQ(faults().calls, before + 1);
}

TEST_F(CudaGraphs, WhoNeverSubmitsGetsAStartToo) {
  const auto backend = open_backend("cuda");
  Executor run(*backend);
  const Array x = run.make(1, 1);
  const std::uint64_t before = faults().calls;
  for (int i = 0; i < 1000; ++i) run.run(Fill{1, 1, 1.0f}, {.out = x});
  EXPECT_GT(faults().calls, before);
}

// bf16 products of odd strides are made by another kernel: a node of another kind.
TEST_F(CudaGraphs, OtherNodesGetAnotherGraph) {
  const auto backend = open_backend("cuda");
  Executor run(*backend);
  const Array y = run.make(8, 8);
  int value = 0;
  for (const std::int64_t gap : {0, 0, 0, 1, 1, 0}) {
    step(run, y, static_cast<float>(++value), Precision::kBF16, gap);
    EXPECT_EQ(run.download_f32(y), all(8, static_cast<float>(value)));
  }
  EXPECT_EQ(faults().graphs_made, 3u);
  EXPECT_EQ(faults().graph_launches, 5u);
}

TEST_F(CudaGraphs, WhatCannotBeCapturedRunsAsItIs) {
  const auto backend = open_backend("cuda");
  Executor run(*backend);
  const Array y = run.make(3, 3);
  faults().break_captures = true;
  for (int i = 1; i <= 3; ++i) {
    step(run, y, static_cast<float>(i));
    EXPECT_EQ(run.download_f32(y), all(3, static_cast<float>(i)));
  }
  EXPECT_EQ(faults().graphs_made, 0u);
}

TEST_F(CudaGraphs, ManyShapesDoNotPileUp) {
  const auto backend = open_backend("cuda");
  const std::int64_t before = faults().allocations;
  {
    Executor run(*backend);
    for (std::int64_t n = 1; n <= 40; ++n) {
      const Array y = run.make(n, n);
      for (int i = 1; i <= 3; ++i) step(run, y, static_cast<float>(i));
      EXPECT_EQ(run.download_f32(y), all(n, 3));
    }
  }
  EXPECT_EQ(faults().graphs_made, 40u);
  EXPECT_LT(faults().allocations, before + 20);
}

// Under POLYSEM_CUDA_SYNC every op runs by itself, and the error names the one that failed.
TEST_F(CudaGraphs, WaitingForEachOpNamesTheOneThatFailed) {
  const auto backend = open_backend("cuda");
  setenv("POLYSEM_CUDA_SYNC", "1", 1);
  Executor run(*backend);
  unsetenv("POLYSEM_CUDA_SYNC");
  const Array y = run.make(3, 3);
  for (int i = 1; i <= 3; ++i) step(run, y, static_cast<float>(i));
  EXPECT_EQ(run.download_f32(y), all(3, 3));
  EXPECT_EQ(faults().graphs_made, 0u);
  const Array x = run.zeros(1, 7);
  faults().fail_call = faults().calls + 2;  // the launch goes well, the wait does not
  try {
    run.run(Fill{1, 7, 2.0f}, {.out = x});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("(last op: fill rows=1 cols=7"), std::string::npos)
        << error.what();
    EXPECT_EQ(std::string(error.what()).find("POLYSEM_CUDA_SYNC"), std::string::npos);
  }
}

// Memory that one thread lets go makes the whole device wait, which no capture of another may meet.
TEST_F(CudaGraphs, ThreadsDoNotBreakEachOthersCaptures) {
  const auto backend = open_backend("cuda");
  Executor one(*backend),
      two(*backend);  // before the threads: who comes late must not get a stream given back
  const auto work = [](Executor& run, float value, Values& result) {
    const Array y = run.make(4, 4);
    for (int i = 0; i < 200; ++i) step(run, y, value);
    result = run.download_f32(y);
  };
  Values first, second;
  std::thread other(work, std::ref(one), 1.0f, std::ref(first));
  work(two, 2.0f, second);
  other.join();
  EXPECT_EQ(first, all(4, 1));
  EXPECT_EQ(second, all(4, 2));
  EXPECT_EQ(faults().graphs_made, 2u);
}

// An error in a capture may be mended by running the step as it is; never is there a wrong result.
TEST_F(CudaGraphs, EveryCallMayFailWithoutLeakCrashOrWrongResult) {
  const std::int64_t before = faults().allocations;
  for (const bool sticky : {false, true}) {
    int failures = 0;
    for (std::uint64_t i = 1; i < 200; ++i) {
      faults().calls = 0, faults().fail_call = i, faults().sticky = sticky;
      bool failed = false;
      try {
        const auto backend = open_backend("cuda");
        Executor run(*backend);
        const Array y = run.make(4, 4);
        for (int s = 1; s <= 4; ++s) step(run, y, static_cast<float>(s), Precision::kBF16);
        EXPECT_EQ(run.download_f32(y), all(4, 4)) << "call " << i;
      } catch (const Error&) {
        failed = true;
      }
      faults().fail_call = 0;
      EXPECT_EQ(faults().allocations, before) << "after call " << i << " failed";
      if (!failed && faults().calls < i) break;
      failures += failed;
    }
    EXPECT_GT(failures, 15);
  }
}

TEST_F(CudaGraphs, WrongOpsAreRefusedWhereTheyAreGivenAndTheQueueGoesOn) {
  const auto backend = open_backend("cuda"), other = open_backend("reference");
  const auto queue = backend->make_queue();
  const auto buffer = backend->allocate(64), foreign = other->allocate(64);
  const Tensor x{buffer.get(), 0, 2, 2, 2, DType::kF32}, f{foreign.get(), 0, 2, 2, 2, DType::kF32};
  EXPECT_THROW(queue->run(Fill{2, 2, 1.0f}, std::array{f}), Error);
  const Gemm low{.m = 2, .n = 2, .k = 2, .precision = Precision::kBF16};
  ASSERT_GT(backend->workspace_bytes(low), 0u);
  EXPECT_THROW(queue->run(low, std::array{x, x, Tensor{}, x}), Error);  // no workspace
  queue->run(Fill{2, 2, 1.0f}, std::array{x});
  Values found(4);
  queue->download(x, std::as_writable_bytes(std::span(found)));
  EXPECT_EQ(found, Values(4, 1.0f));
}

}  // namespace
}  // namespace polysem
