#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "polysem/tensor.hpp"

namespace polysem::reference {

/// Host memory, aligned to 64 bytes.
class HostBuffer final : public Buffer {
 public:
  /// Throws Error{kOutOfMemory}.
  static std::shared_ptr<HostBuffer> make(std::uint64_t bytes);
  ~HostBuffer() override;
  std::byte* data() noexcept { return data_; }

 private:
  HostBuffer(std::byte* data, std::uint64_t bytes) noexcept : Buffer(bytes), data_(data) {}
  std::byte* data_;
};

/// Bytes of the machine's memory, 0 where unknown.
std::uint64_t machine_memory() noexcept;

/// First element of a view. Throws Error{kInvalidArgument} for memory of another backend.
std::byte* data_of(const Tensor& tensor);

}  // namespace polysem::reference
