#pragma once

#include <cstdint>
#include <string>

#include "backends/vulkan/loader.hpp"

namespace polysem::vulkan {

/// Throws the Error that a failed call comes to: kOutOfMemory, or kFailed with the name of the result.
[[noreturn]] void fail(VkResult result, const std::string& call);

inline void check(VkResult result, const char* call) {
  if (result < 0) fail(result, call);
}

/// A structure of the API with its type set and everything else zero.
template <class T>
T make(VkStructureType type) {
  T value{};
  value.sType = type;
  return value;
}

}  // namespace polysem::vulkan
