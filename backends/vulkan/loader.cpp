// The one translation unit that holds volk's code: the loader library is opened at run time, nothing links
// it.
#define VOLK_IMPLEMENTATION
#include "backends/vulkan/loader.hpp"

#include <atomic>
#include <cstdlib>
#include <mutex>

namespace polysem::vulkan {

namespace {
std::atomic<bool> ending{false};
}

const Support& loader() {
  static const Support found =
      volkInitialize() == VK_SUCCESS
          ? Support::yes()
          : Support::no("the Vulkan loader, libvulkan.so.1, cannot be opened; is it installed?");
  return found;
}

// What was loaded last is taken down first: this handler is set after the drivers were loaded.
void load_instance(VkInstance instance) {
  static std::once_flag once;
  std::call_once(once, [&] {
    volkLoadInstanceOnly(instance);
    std::atexit([] { ending = true; });
  });
}

bool drivers_are_gone() noexcept { return ending; }

}  // namespace polysem::vulkan
