#include "backends/cuda/stream.hpp"

#include "backends/cuda/errors.hpp"
#include "polysem/error.hpp"

namespace polysem::cuda {

void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(status == CUBLAS_STATUS_ALLOC_FAILED ? ErrorCode::kOutOfMemory : ErrorCode::kFailed,
              std::string(call) + " failed: " + cublaslt().status_string(status));
}

// What the destructor would free is freed by members, or is made last.
Stream::Stream(int device)
    : device_(device), product_workspace_(std::make_unique<CudaBuffer>(device, kProductWorkspace)) {
  check(cublaslt().create(&lt_), "cublasLtCreate");
  if (const cudaError_t result = cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking);
      result != cudaSuccess) {
    cublaslt().destroy(lt_);
    fail(result, "cudaStreamCreate");
  }
}

Stream::~Stream() {
  cudaSetDevice(device_);
  cudaStreamSynchronize(stream_);
  cudaStreamDestroy(stream_);
  cublaslt().destroy(lt_);
}

void Stream::synchronize() { check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

}  // namespace polysem::cuda
