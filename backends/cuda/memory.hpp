#pragma once

#include <memory>

#include "polysem/tensor.hpp"

namespace polysem::cuda {

/// Memory of one device, aligned to 256 bytes. Letting go of it waits for all work of the device, so that
/// none still uses it.
class CudaBuffer final : public Buffer {
 public:
  /// Throws Error{kOutOfMemory}.
  CudaBuffer(int device, std::uint64_t bytes);
  ~CudaBuffer() override;
  std::byte* data() const noexcept { return data_; }
  int device() const noexcept { return device_; }

 private:
  int device_;
  std::byte* data_ = nullptr;
};

/// The buffer that a tensor is in. Throws Error{kInvalidArgument} for memory of another backend.
const CudaBuffer& buffer_of(const Tensor& tensor);

/// First element, on the device; null where the tensor is absent.
std::byte* data_of(const Tensor& tensor);

}  // namespace polysem::cuda
