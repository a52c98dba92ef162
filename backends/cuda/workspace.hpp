#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "backends/cuda/memory.hpp"
#include "polysem/error.hpp"

namespace polysem::cuda {

inline constexpr std::uint64_t kWorkspaceAlignment = 256;

/// Bytes that a part of a workspace takes, with what may be lost to alignment.
constexpr std::uint64_t workspace_part(std::int64_t bytes) {
  return (static_cast<std::uint64_t>(bytes) / kWorkspaceAlignment + 2) * kWorkspaceAlignment;
}

/// Columns from one row of a scratch matrix to the next: rows begin where wide loads may.
constexpr std::int64_t padded(std::int64_t cols) { return (cols + 7) / 8 * 8; }

/// Cuts an op's workspace into parts, which begin at multiples of 256 bytes.
class Workspace {
 public:
  explicit Workspace(const Tensor& memory) : memory_(memory) {}

  /// The next part. The op's workspace_bytes has counted workspace_part(bytes) for it.
  std::byte* take(std::int64_t bytes) const {
    std::byte* base = data_of(memory_);
    if (base == nullptr) throw Error(ErrorCode::kInvalidArgument, "the op needs a workspace");
    const auto address = reinterpret_cast<std::uintptr_t>(base) + used_;
    const std::uint64_t start =
        used_ + (kWorkspaceAlignment - address % kWorkspaceAlignment) % kWorkspaceAlignment;
    if (start + static_cast<std::uint64_t>(bytes) > static_cast<std::uint64_t>(memory_.cols))
      throw Error(ErrorCode::kInvalidArgument,
                  "the workspace has " + std::to_string(memory_.cols) + " bytes, too few for this op");
    used_ = start + static_cast<std::uint64_t>(bytes);
    return base + start;
  }
  template <class T>
  T* take(std::int64_t count) const {
    return reinterpret_cast<T*>(take(count * static_cast<std::int64_t>(sizeof(T))));
  }
  /// A matrix with rows of padded(cols) elements.
  Tensor matrix(std::int64_t rows, std::int64_t cols, DType dtype = DType::kF32) const {
    const std::int64_t stride = padded(cols);
    std::byte* data = take(rows * stride * static_cast<std::int64_t>(size_of(dtype)));
    return {memory_.buffer, static_cast<std::uint64_t>(data - buffer_of(memory_).data()), rows, cols, stride,
            dtype};
  }

 private:
  Tensor memory_;
  mutable std::uint64_t used_ = 0;
};

/// Bytes of Workspace::matrix.
constexpr std::uint64_t matrix_part(std::int64_t rows, std::int64_t cols, std::int64_t element = 4) {
  return workspace_part(rows * padded(cols) * element);
}

}  // namespace polysem::cuda
