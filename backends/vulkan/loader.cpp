// The one translation unit that holds volk's code: the loader library is opened at run time, nothing links
// it.
#define VOLK_IMPLEMENTATION
#include "backends/vulkan/loader.hpp"

#include <mutex>

namespace polysem::vulkan {

const Support& loader() {
  static const Support found = volkInitialize() == VK_SUCCESS
                                   ? Support::yes()
                                   : Support::no("the Vulkan loader, libvulkan.so.1, is not installed");
  return found;
}

void load_instance(VkInstance instance) {
  static std::once_flag once;
  std::call_once(once, [&] { volkLoadInstanceOnly(instance); });
}

}  // namespace polysem::vulkan
