#include "backends/vulkan/view.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "polysem/error.hpp"

namespace polysem::vulkan {

View view_of(const Device& device, const Tensor& tensor) {
  if (!tensor) return {};
  const auto& allocation = buffer_of(tensor).allocation();
  const std::uint64_t start = allocation->offset() + tensor.offset;
  const std::uint64_t aligned = start / device.limits().alignment * device.limits().alignment;
  View view;
  view.allocation = &allocation;
  view.offset = aligned;
  // Whole words, since shaders read words; allocations end on them.
  view.range = std::max<std::uint64_t>((start - aligned + tensor.span_bytes() + 3) / 4 * 4, 4);
  view.first = static_cast<std::uint32_t>((start - aligned) / size_of(tensor.dtype));
  view.stride = static_cast<std::uint32_t>(std::min<std::int64_t>(tensor.stride, 0xffffffff));
  view.type = tensor.dtype == DType::kBF16  ? kBF16Element
              : tensor.dtype == DType::kF16 ? kF16Element
                                            : kF32Element;
  if (view.range > device.limits().range)
    throw Error(ErrorCode::kUnsupported, "a tensor spans " + std::to_string(view.range) +
                                             " bytes, a shader of this device sees at most " +
                                             std::to_string(device.limits().range));
  return view;
}

std::uint64_t view_bytes(const Device& device, const Tensor& tensor, std::int64_t cols) {
  return static_cast<std::uint64_t>(cols) * size_of(tensor.dtype) + device.limits().alignment + 4;
}

std::int64_t cols_in_range(const Device& device) {
  return static_cast<std::int64_t>((device.limits().range - device.limits().alignment - 4) / 4);
}

Support list_fits(const Device& device, std::int64_t length) {
  return length <= cols_in_range(device) - 64
             ? Support::yes()
             : Support::no("its lists are longer than what a shader of this device sees");
}

// The last row needs no more than its elements, but then the next would have to fit, too.
std::int64_t rows_in_range(const Device& device, const Tensor& tensor) {
  if (!tensor || tensor.stride <= 0) return std::numeric_limits<std::int64_t>::max();
  const std::uint64_t pitch = static_cast<std::uint64_t>(tensor.stride) * size_of(tensor.dtype);
  const std::uint64_t whole = view_bytes(device, tensor, tensor.cols);
  if (whole > device.limits().range) return 0;
  return 1 + static_cast<std::int64_t>((device.limits().range - whole) / pitch);
}

}  // namespace polysem::vulkan
