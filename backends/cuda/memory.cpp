#include "backends/cuda/memory.hpp"

#include <algorithm>
#include <string>

#include "backends/cuda/errors.hpp"
#include "polysem/error.hpp"

namespace polysem::cuda {

std::mutex& device_wide_calls() {
  static std::mutex mutex;
  return mutex;
}

DeviceMemory::DeviceMemory(int device, std::uint64_t bytes) : device_(device) {
  check(cudaSetDevice(device), "cudaSetDevice");
  void* data = nullptr;
  const cudaError_t result = cudaMalloc(&data, std::max<std::uint64_t>(bytes, 1));
  if (result != cudaSuccess) fail(result, "allocating " + std::to_string(bytes) + " bytes");
  data_ = static_cast<std::byte*>(data);
}

// Errors of a lost device have been told where they happened.
DeviceMemory::~DeviceMemory() {
  const std::lock_guard lock(device_wide_calls());
  cudaSetDevice(device_);
  cudaDeviceSynchronize();
  cudaFree(data_);
  cudaGetLastError();
}

const CudaBuffer& buffer_of(const Tensor& tensor) {
  const auto* buffer = dynamic_cast<const CudaBuffer*>(tensor.buffer);
  if (buffer == nullptr)
    throw Error(ErrorCode::kInvalidArgument, "the cuda backend was given memory of another backend");
  return *buffer;
}

std::byte* data_of(const Tensor& tensor) {
  return tensor ? buffer_of(tensor).data() + tensor.offset : nullptr;
}

}  // namespace polysem::cuda
