#pragma once

#include <functional>

#include "tests/cuda/emulated/cuda_runtime_api.h"

namespace emulated {

/// What a node of a graph is: a graph takes over the nodes of another only where these are the same.
enum class Work { kKernel, kMemset, kCopy, kProduct };

/// Runs the work, or, while the stream is captured, keeps it for the graph.
cudaError_t enqueue(cudaStream_t stream, Work kind, std::function<cudaError_t()> work);

/// Calls that a capture does not bear: of this thread, or, if `device_wide`, of any. They break it.
cudaError_t not_captured(bool device_wide = false);

}  // namespace emulated
