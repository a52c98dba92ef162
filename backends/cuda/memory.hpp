#pragma once

#include <memory>
#include <mutex>

#include "polysem/tensor.hpp"

namespace polysem::cuda {

/// Memory of one device, aligned to 256 bytes. Letting go of it waits for all work of the device, so that
/// none still uses it.
class DeviceMemory {
 public:
  /// Throws Error{kOutOfMemory}.
  DeviceMemory(int device, std::uint64_t bytes);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  std::byte* data() const noexcept { return data_; }

 private:
  int device_;
  std::byte* data_ = nullptr;
};

class CudaBuffer final : public Buffer {
 public:
  /// Throws Error{kOutOfMemory}.
  CudaBuffer(int device, std::uint64_t bytes)
      : Buffer(bytes), memory_(std::make_shared<DeviceMemory>(device, bytes)) {}
  /// The same memory, which stays when `other` goes.
  explicit CudaBuffer(const CudaBuffer& other) : Buffer(other.bytes()), memory_(other.memory_) {}
  std::byte* data() const noexcept { return memory_->data(); }

 private:
  std::shared_ptr<DeviceMemory> memory_;
};

/// Held while calls run that wait for a whole device, and while a stream is captured: those break the
/// capture, whatever thread they come from.
std::mutex& device_wide_calls();

/// The buffer that a tensor is in. Throws Error{kInvalidArgument} for memory of another backend.
const CudaBuffer& buffer_of(const Tensor& tensor);

/// First element, on the device; null where the tensor is absent.
std::byte* data_of(const Tensor& tensor);

}  // namespace polysem::cuda
