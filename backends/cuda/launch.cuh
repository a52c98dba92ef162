#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "backends/cuda/errors.hpp"
#include "backends/cuda/ops.hpp"
#include "backends/cuda/views.cuh"

namespace polysem::cuda {

/// Threads of a block, unless a kernel says otherwise.
inline constexpr unsigned kThreads = 256;
/// Blocks of a grid: kernels stride over what is more, so that every size runs.
inline constexpr std::int64_t kMostBlocks = std::int64_t{1} << 20;

/// A block for each of `count` things.
inline dim3 blocks_for(std::int64_t count) {
  return dim3(static_cast<unsigned>(std::min(count, kMostBlocks)));
}
/// A thread for each of `count` things.
inline dim3 threads_for(std::int64_t count) { return blocks_for((count + kThreads - 1) / kThreads); }

/// Enqueues a kernel; of an empty grid, nothing.
template <class... P, class... A>
void launch(const Scope& s, void (*kernel)(P...), dim3 grid, unsigned threads, const A&... arguments) {
  if (grid.x == 0 || grid.y == 0) return;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.stream = s.stream.handle();
  check(cudaLaunchKernelEx(&config, kernel, P(arguments)...), "launching a kernel");
}

/// This thread's number in the grid, and how many there are.
__device__ inline std::int64_t thread_number() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t thread_count() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

/// Row and column of element `i` of a matrix; the division is of 32 bits where that suffices.
struct Place {
  std::int64_t row, col;
};
__device__ inline Place place_of(std::int64_t i, std::int64_t cols) {
  if (i <= 0xffffffff && cols <= 0xffffffff) {
    const auto n = static_cast<std::uint32_t>(i), d = static_cast<std::uint32_t>(cols);
    return {n / d, n % d};
  }
  return {i / cols, i % cols};
}

}  // namespace polysem::cuda
