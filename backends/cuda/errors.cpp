#include "backends/cuda/errors.hpp"

#include "polysem/error.hpp"

namespace polysem::cuda {

void fail(cudaError_t result, const std::string& call) {
  cudaGetLastError();  // forgets it, where the device can go on
  if (result == cudaErrorMemoryAllocation)
    throw Error(ErrorCode::kOutOfMemory,
                call + ": the device is out of memory; use a smaller batch or fewer latents");
  throw Error(ErrorCode::kFailed, call + " failed: " + cudaGetErrorString(result) + " (" +
                                      cudaGetErrorName(result) +
                                      "); what was computed since the last checkpoint is gone");
}

}  // namespace polysem::cuda
