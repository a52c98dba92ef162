#pragma once

#include <cstdint>

#include "backends/vulkan/memory.hpp"

namespace polysem::vulkan {

/// Element types of floats as shaders count them (floats.glsl).
enum Element : std::uint32_t { kF32Element = 0, kBF16Element = 1, kF16Element = 2 };

/// A tensor as a shader sees it: a window of a buffer that begins where a binding may begin, and the number
/// of the tensor's first element in it. A default-made view is absent.
struct View {
  const std::shared_ptr<Allocation>* allocation = nullptr;
  std::uint64_t offset = 0, range = 0;  ///< bytes in the allocation's buffer
  std::uint32_t first = 0;              ///< elements from the window's start
  std::uint32_t stride = 0;             ///< elements
  Element type = kF32Element;           ///< of floats

  explicit operator bool() const noexcept { return allocation != nullptr; }
  VkBuffer buffer() const noexcept { return (*allocation)->buffer(); }
};

/// Throws Error{kUnsupported} where the tensor spans more than a binding may.
View view_of(const Device& device, const Tensor& tensor);

/// Bytes that a binding of `cols` elements of a row may take, wherever they begin.
std::uint64_t view_bytes(const Device& device, const Tensor& tensor, std::int64_t cols);
/// Elements of a row that one binding surely covers, of any type.
std::int64_t cols_in_range(const Device& device);

/// Whether a binding covers a list of `length` elements.
Support list_fits(const Device& device, std::int64_t length);

/// Rows of a tensor that one binding surely covers, wherever they begin: 0 where not even one row fits.
std::int64_t rows_in_range(const Device& device, const Tensor& tensor);

}  // namespace polysem::vulkan
