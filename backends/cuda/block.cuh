#pragma once

#include "backends/cuda/launch.cuh"

/// What the threads of a block do together. Every thread of the block calls these, the same number of times;
/// blocks have a multiple of 32 threads, 1024 at most. The order of sums depends on the block's size alone.
namespace polysem::cuda {

inline constexpr unsigned kWarp = 32, kAllLanes = 0xffffffffu;

__device__ inline unsigned lane() { return threadIdx.x % kWarp; }
__device__ inline unsigned warp() { return threadIdx.x / kWarp; }

/// Sum over the lanes of a warp; every lane gets it.
__device__ inline float warp_sum(float value) {
  for (unsigned step = kWarp / 2; step > 0; step /= 2) value += __shfl_xor_sync(kAllLanes, value, step);
  return value;
}

/// Sum over the block; every thread gets it.
__device__ inline float block_sum(float value) {
  __shared__ float sums[kWarp];
  value = warp_sum(value);
  if (lane() == 0) sums[warp()] = value;
  __syncthreads();
  float total = 0.0f;
  for (unsigned i = 0; i < blockDim.x / kWarp; ++i) total += sums[i];
  __syncthreads();
  return total;
}

/// Sum over the threads before this one, and over all in `total`.
__device__ inline std::uint32_t block_scan(std::uint32_t value, std::uint32_t& total) {
  __shared__ std::uint32_t sums[kWarp];
  std::uint32_t sum = value;
  for (unsigned step = 1; step < kWarp; step *= 2) {
    const std::uint32_t before = __shfl_up_sync(kAllLanes, sum, step);
    if (lane() >= step) sum += before;
  }
  if (lane() == kWarp - 1) sums[warp()] = sum;
  __syncthreads();
  std::uint32_t earlier = 0;
  total = 0;
  for (unsigned i = 0; i < blockDim.x / kWarp; ++i) {
    if (i < warp()) earlier += sums[i];
    total += sums[i];
  }
  __syncthreads();
  return earlier + sum - value;
}

}  // namespace polysem::cuda
