#include "backends/vulkan/result.hpp"

#include "polysem/error.hpp"

namespace polysem::vulkan {

void fail(VkResult result, const std::string& call) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      throw Error(ErrorCode::kOutOfMemory, call + ": the host is out of memory");
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      throw Error(ErrorCode::kOutOfMemory,
                  call + ": the device is out of memory; use a smaller batch or fewer latents");
    case VK_ERROR_DEVICE_LOST:
      throw Error(ErrorCode::kFailed,
                  call +
                      ": the device was lost (a crash or a time limit of its driver); what was computed "
                      "since the last checkpoint is gone");
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      throw Error(ErrorCode::kBackendUnavailable,
                  "no Vulkan driver is installed, or none that the loader finds (VK_ICD_FILENAMES, "
                  "VK_DRIVER_FILES); Debian's package mesa-vulkan-drivers has several, one in software");
    default:
      throw Error(ErrorCode::kFailed, call + " failed with VkResult " + std::to_string(result));
  }
}

}  // namespace polysem::vulkan
