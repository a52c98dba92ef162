#pragma once

// Kernels on the host: every thread of a block is a fiber that runs until it meets the others. See
// emulated/kernels.cpp.

#include <cmath>
#include <cstring>
#include <functional>
#include <tuple>

#include "tests/cuda/emulated/capture.hpp"
#include "tests/cuda/emulated/running.hpp"

#define __global__
#define __device__
#define __host__
#define __shared__ static  // one block runs at a time
#define __launch_bounds__(...)

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  cudaStream_t stream;
};

namespace emulated {

/// Runs `body` once for each thread of each block. Blocks, and threads between two meetings, run in an order
/// that changes from launch to launch: where it matters, results change.
cudaError_t run_grid(const cudaLaunchConfig_t& config, const std::function<void()>& body);
/// This thread waits for its block.
void meet_block();
/// Gives the others of this thread's warp a word, and waits for theirs: word `lane` is that of lane `lane`.
const std::uint32_t* exchange(std::uint32_t word);
unsigned count_in_block(bool value);

template <class T>
T read_lane(T value, unsigned lane, bool there) {
  static_assert(sizeof(T) == 4);
  std::uint32_t word;
  std::memcpy(&word, &value, 4);
  const std::uint32_t* words = exchange(word);
  if (there) std::memcpy(&value, &words[lane], 4);
  return value;
}

}  // namespace emulated

template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...), A&&... arguments) {
  const std::tuple<P...> values(arguments...);
  return emulated::enqueue(config->stream, emulated::Work::kKernel, [config = *config, kernel, values] {
    return emulated::run_grid(config, [&] { std::apply(kernel, values); });
  });
}

inline void __syncthreads() { emulated::meet_block(); }
inline int __syncthreads_or(int value) { return emulated::count_in_block(value != 0) > 0 ? 1 : 0; }

template <class T>
T __shfl_xor_sync(unsigned, T value, unsigned mask) {
  return emulated::read_lane(value, threadIdx.x % 32 ^ mask, true);
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned step) {
  const unsigned lane = threadIdx.x % 32;
  return emulated::read_lane(value, lane + step, lane + step < 32);
}
template <class T>
T __shfl_up_sync(unsigned, T value, unsigned step) {
  const unsigned lane = threadIdx.x % 32;
  return emulated::read_lane(value, lane - step, lane >= step);
}
inline unsigned __reduce_max_sync(unsigned, unsigned value) {
  const std::uint32_t* words = emulated::exchange(value);
  for (unsigned lane = 0; lane < 32; ++lane) value = words[lane] > value ? words[lane] : value;
  return value;
}

#ifdef __SANITIZE_THREAD__  // its accesses are noted as one
__attribute__((no_sanitize("thread"))) inline std::uint32_t atomicAdd(std::uint32_t* at,
                                                                      std::uint32_t value) {
  emulated::note_atomic(at, 4);
#else
inline std::uint32_t atomicAdd(std::uint32_t* at, std::uint32_t value) {
#endif
  const std::uint32_t before = *at;
  *at += value;
  return before;
}
inline float __uint_as_float(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
inline std::uint32_t __float_as_uint(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}
using std::isnan;
