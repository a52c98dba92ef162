#pragma once

#include <cstdint>

#include "backends/vulkan/view.hpp"

namespace polysem::vulkan {

inline constexpr std::uint64_t kWorkspaceAlignment = 256;

/// Bytes that a part of a workspace takes, with what may be lost to alignment.
constexpr std::uint64_t workspace_part(std::int64_t words) {
  return (static_cast<std::uint64_t>(words) * 4 / kWorkspaceAlignment + 2) * kWorkspaceAlignment;
}

/// Cuts an op's workspace into matrices.
class Workspace {
 public:
  explicit Workspace(const Tensor& memory) : memory_(memory) {}

  /// The next part. The op's workspace_bytes has counted workspace_part(rows * cols) for it.
  Tensor take(std::int64_t rows, std::int64_t cols, DType dtype = DType::kF32) const;

 private:
  Tensor memory_;
  mutable std::uint64_t used_ = 0;
};

}  // namespace polysem::vulkan
