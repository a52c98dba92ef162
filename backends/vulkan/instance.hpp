#pragma once

#include <string>
#include <vector>

#include "backends/vulkan/cooperative.hpp"
#include "backends/vulkan/loader.hpp"
#include "backends/vulkan/settings.hpp"

namespace polysem::vulkan {

/// A device that a driver offers.
struct PhysicalDevice {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  std::string name;       ///< "llvmpipe (LLVM 15.0.6, 256 bits)"
  std::string driver;     ///< "llvmpipe Mesa 22.3.6, Vulkan 1.3.230"
  std::string features;   ///< what it has of what this backend could use, and what it lacks
  bool software = false;  ///< runs on the processor: used only when named
  std::optional<CooperativeShape> cooperative;
  Support suitable;  ///< whether it has what the shaders need
};

/// The connection to the drivers, with the validation layer where the settings ask for it.
class Instance {
 public:
  /// Throws Error{kBackendUnavailable} where there is no loader, no driver, or no validation layer.
  explicit Instance(const Settings& settings);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  VkInstance handle() const noexcept { return handle_; }
  /// Discrete cards first, software last.
  std::vector<PhysicalDevice> devices() const;

 private:
  VkInstance handle_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
};

/// The device that `which` means: a number, a part of a name, or "" for the first that is no software.
/// Throws Error{kBackendUnavailable} with the list of those there are.
PhysicalDevice choose_device(const Instance& instance, const std::string& which);

}  // namespace polysem::vulkan
