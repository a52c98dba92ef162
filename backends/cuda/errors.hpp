#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace polysem::cuda {

/// Throws the Error that a failed call comes to: kOutOfMemory, or kFailed with what the runtime says of it.
[[noreturn]] void fail(cudaError_t result, const std::string& call);

inline void check(cudaError_t result, const char* call) {
  if (result != cudaSuccess) fail(result, call);
}

}  // namespace polysem::cuda
