#include "backends/vulkan/workspace.hpp"

#include <string>

#include "polysem/error.hpp"

namespace polysem::vulkan {

Tensor Workspace::take(std::int64_t rows, std::int64_t cols, DType dtype) const {
  const std::uint64_t bytes = static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(cols) * 4;
  if (!memory_) throw Error(ErrorCode::kInvalidArgument, "the op needs a workspace");
  const std::uint64_t base = buffer_of(memory_).allocation()->offset() + memory_.offset;
  const std::uint64_t start =
      (base + used_ + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment - base;
  if (start + bytes > static_cast<std::uint64_t>(memory_.cols))
    throw Error(ErrorCode::kInvalidArgument,
                "the workspace has " + std::to_string(memory_.cols) + " bytes, too few for this op");
  used_ = start + bytes;
  return {memory_.buffer, memory_.offset + start, rows, cols, cols, dtype};
}

}  // namespace polysem::vulkan
