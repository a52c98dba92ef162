#pragma once

#include <cstdint>

#include "tests/cuda/emulated/cuda_runtime_api.h"

namespace emulated {

/// What a test changes about the emulated device, and sees of it.
struct Faults {
  int devices = 1;
  cudaError_t count_error = cudaSuccess;  ///< of cudaGetDeviceCount
  std::uint64_t calls = 0;                ///< that could have failed
  std::uint64_t fail_call = 0;            ///< the call of this number fails, 0 for none
  bool sticky = false;                    ///< and so do all after it: the device is lost
  cudaError_t error = cudaErrorLaunchFailure;
  std::int64_t allocations = 0;  ///< that are not freed
  bool busy = false;             ///< no event is past when asked; who waits finds it so
  bool break_captures = false;   ///< as another library's call would
  std::uint64_t graphs_made = 0, graph_launches = 0;
};
Faults& faults();
/// As in the beginning, but for what is still allocated.
void forget_faults();

/// Counts a call; whether it is to fail.
cudaError_t next_call();

}  // namespace emulated
