// Whether races of kernels are found. Compiled as the kernels are that are looked at: see emulated/races.cpp.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/cuda/emulated/cuda_runtime.h"

namespace polysem {
namespace {

// Each thread takes what its neighbour wrote.
void pass_on(float* values, bool meet) {
  __shared__ float all[64];
  all[threadIdx.x] = values[blockIdx.x * 64 + threadIdx.x];
  if (meet) __syncthreads();
  values[blockIdx.x * 64 + threadIdx.x] = all[(threadIdx.x + 1) % 64];
  __syncthreads();
}

// A warp's exchange orders no memory.
void pass_on_in_warp(float* values) {
  __shared__ float all[32];
  all[threadIdx.x] = values[threadIdx.x];
  __shfl_xor_sync(0xffffffffu, 1.0f, 1);
  values[threadIdx.x] = all[threadIdx.x ^ 1u];
}

void count(std::uint32_t* counter, bool atomic) {
  if (atomic) {
    atomicAdd(counter, 1u);
  } else {
    *counter += 1u;
  }
}

template <class F>
void run(unsigned blocks, unsigned threads, F&& kernel) {
  emulated::run_grid({dim3(blocks), dim3(threads), nullptr}, kernel);
}

TEST(CudaRaces, ABarrierIsMissed) {
  std::vector<float> values(128, 1.0f);
  run(2, 64, [&] { pass_on(values.data(), true); });
  EXPECT_DEATH(run(1, 64, [&] { pass_on(values.data(), false); }),
               "a (read after a write|write after a read)");
  EXPECT_DEATH(run(1, 32, [&] { pass_on_in_warp(values.data()); }),
               "a (read after a write|write after a read)");
}

TEST(CudaRaces, BlocksMeetInAtomicsAlone) {
  std::uint32_t counter = 0;
  run(3, 1, [&] { count(&counter, true); });
  EXPECT_EQ(counter, 3u);
  EXPECT_DEATH(run(2, 1, [&] { count(&counter, false); }), "unordered: block . thread 0, block . thread 0");
  EXPECT_DEATH(run(2, 1, [&] { count(&counter, blockIdx.x == 0); }), "unordered");
}

}  // namespace
}  // namespace polysem
