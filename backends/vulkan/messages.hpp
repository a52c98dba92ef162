#pragma once

#include <string>
#include <vector>

namespace polysem::vulkan {

/// What the validation layer said in this process, of every instance that was opened with it.
class Messages {
 public:
  static void add(std::string text);
  /// Those since the last call.
  static std::vector<std::string> take();
};

}  // namespace polysem::vulkan
