#pragma once

#include <algorithm>

#include "backends/vulkan/view.hpp"

namespace polysem::vulkan {

/// How many instances of an op go at once, whose largest matrix has `words` elements each: what a binding
/// covers, and no more workspace than a device can spare. 0 where a binding does not cover one.
inline std::int64_t instances_at_once(const Device& device, std::int64_t instances, std::int64_t words) {
  constexpr std::int64_t kMostWords = std::int64_t{1} << 24;
  const std::int64_t fit = cols_in_range(device) / std::max<std::int64_t>(words, 1);
  return std::min({instances, fit, std::max<std::int64_t>(1, kMostWords / std::max<std::int64_t>(words, 1))});
}

/// Yes where a binding covers `rows` x `cols` elements.
inline Support instance_fits(const Device& device, std::int64_t rows, std::int64_t cols) {
  if (cols == 0 || rows <= cols_in_range(device) / cols) return Support::yes();
  return Support::no("one instance has more elements than what a shader of this device sees");
}

}  // namespace polysem::vulkan
