// What the CUDA backend does when there is no card, when calls fail and when the device is lost. Runs on the
// emulated device alone, whose every call can be told to fail.
#include <gtest/gtest.h>

#include "polysem/error.hpp"
#include "polysem/executor.hpp"
#include "tests/cuda/emulated/faults.hpp"

namespace polysem {
namespace {

using emulated::faults;

class CudaFaults : public testing::Test {
 protected:
  void TearDown() override { emulated::forget_faults(); }
};

std::string refusal(std::string_view name) {
  try {
    open_backend(name);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBackendUnavailable) << error.what();
    return error.what();
  }
  return "";
}

TEST_F(CudaFaults, NoDriverNoCardOrAnOldOneIsUnavailable) {
  faults().count_error = cudaErrorInsufficientDriver;
  EXPECT_NE(refusal("cuda").find("no NVIDIA driver, or one older than CUDA 13.0"), std::string::npos);
  faults().count_error = cudaErrorNoDevice;
  EXPECT_NE(refusal("cuda").find("no NVIDIA card"), std::string::npos);
  faults().count_error = cudaErrorLaunchFailure;
  EXPECT_NE(refusal("cuda").find("cannot be used"), std::string::npos);
  faults().count_error = cudaSuccess;
  faults().devices = 0;
  EXPECT_NE(refusal("cuda").find("no NVIDIA card"), std::string::npos);
  faults().devices = 2;  // the second is of compute capability 7.0
  EXPECT_NE(refusal("cuda:1").find("8.0 or later"), std::string::npos);
  EXPECT_NE(refusal("cuda:old").find("8.0 or later"), std::string::npos);
  EXPECT_NE(refusal("cuda:2").find("there are: 0 emulated card, 1 old"), std::string::npos);
  EXPECT_EQ(open_backend("cuda:emulated")->info().device, "emulated card");
  EXPECT_EQ(open_backend("cuda:0")->info().features.substr(0, 22), "compute capability 9.0");
}

// An op with workspace, transfers and several launches.
void small_work(Backend& backend) {
  Executor run(backend);
  const std::vector<float> ones(12, 1.0f);
  const Array a = run.make_from(3, 4, ones), c = run.make(3, 3);
  run.run(Gemm{.m = 3, .n = 3, .k = 4, .transpose_b = true, .precision = Precision::kBF16},
          {.a = a, .b = a, .bias = {}, .c = c});
  EXPECT_EQ(run.download_f32(c), std::vector<float>(9, 4.0f));
}

// Each call fails once, and once more with all after it, as on a lost device.
TEST_F(CudaFaults, EveryCallMayFailWithoutLeakOrCrash) {
  const std::int64_t before = faults().allocations;
  for (const bool sticky : {false, true}) {
    int failures = 0;
    for (std::uint64_t i = 1; i < 200; ++i) {
      faults().calls = 0, faults().fail_call = i, faults().sticky = sticky;
      faults().error = i % 2 == 0 ? cudaErrorMemoryAllocation : cudaErrorLaunchFailure;
      bool failed = false;
      try {
        small_work(*open_backend("cuda"));
      } catch (const Error& error) {
        failed = true;
        EXPECT_NE(std::string(error.what()), "");
      }
      faults().fail_call = 0;
      EXPECT_EQ(faults().allocations, before) << "after call " << i << " failed";
      if (!failed && faults().calls < i) break;
      failures += failed;
    }
    EXPECT_GT(failures, 10);
  }
}

TEST_F(CudaFaults, ABrokenQueueStaysBrokenAndNamesTheOp) {
  const auto backend = open_backend("cuda");
  {
    Executor run(*backend);
    const Array a = run.zeros(2, 2);
    faults().fail_call = faults().calls + 1;
    try {
      run.synchronize();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kFailed);
      EXPECT_NE(std::string(error.what()).find("last op: fill rows=2 cols=2"), std::string::npos)
          << error.what();
    }
    try {
      run.download_f32(a);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("cannot be used any more"), std::string::npos) << error.what();
    }
  }
  small_work(*backend);  // another queue
}

TEST_F(CudaFaults, OutOfMemoryLeavesTheDeviceUsable) {
  const auto backend = open_backend("cuda");
  EXPECT_THROW(backend->allocate(std::uint64_t{1} << 40), Error);
  small_work(*backend);
}

// Larger than a block of staging memory, as long rows and as many; with gaps between rows.
TEST_F(CudaFaults, LargeTransfersArriveWhole) {
  const auto backend = open_backend("cuda");
  Executor run(*backend);
  for (const auto& [rows, cols] :
       {std::pair<std::int64_t, std::int64_t>{1, 5'000'000}, {3, 2'500'000}, {5001, 999}}) {
    std::vector<float> values(static_cast<std::size_t>(rows * cols));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1000003);
    const Array wide = run.make(rows, cols + 3);
    const Tensor part = wide.view().col_range(2, cols);
    run.upload(part, values);
    EXPECT_TRUE(run.download_f32(part) == values) << rows << " rows of " << cols;
  }
}

// While copies wait behind other work, uploads are staged in more memory, up to 64 MiB.
TEST_F(CudaFaults, StagingGrowsWhileTheDeviceIsBusyUpToALimit) {
  const auto backend = open_backend("cuda");
  Executor run(*backend);
  const Array all = run.make(1, 30'000'000);  // 120 MB, 15 blocks of staging memory
  std::vector<float> values(30'000'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1000003);
  const std::int64_t before = faults().allocations;
  run.upload(all, values);
  EXPECT_EQ(faults().allocations, before + 2) << "a block and its event, used again and again";
  faults().busy = true;
  run.upload(all, values);
  EXPECT_EQ(faults().allocations, before + 2 * 8);
  EXPECT_TRUE(run.download_f32(all) == values);
}

}  // namespace
}  // namespace polysem
