#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "backends/vulkan/loader.hpp"

// Headers before 1.3.255 do not know the extension.
#ifndef VK_KHR_cooperative_matrix
inline constexpr auto VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR =
    static_cast<VkStructureType>(1000506000);
inline constexpr auto VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR =
    static_cast<VkStructureType>(1000506001);
enum VkComponentTypeKHR { VK_COMPONENT_TYPE_FLOAT16_KHR = 0, VK_COMPONENT_TYPE_FLOAT32_KHR = 1 };
enum VkScopeKHR { VK_SCOPE_SUBGROUP_KHR = 3 };
struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR {
  VkStructureType sType;
  void* pNext;
  VkBool32 cooperativeMatrix, cooperativeMatrixRobustBufferAccess;
};
struct VkCooperativeMatrixPropertiesKHR {
  VkStructureType sType;
  void* pNext;
  std::uint32_t MSize, NSize, KSize;
  VkComponentTypeKHR AType, BType, CType, ResultType;
  VkBool32 saturatingAccumulation;
  VkScopeKHR scope;
};
using PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR =
    VkResult(VKAPI_PTR*)(VkPhysicalDevice, std::uint32_t*, VkCooperativeMatrixPropertiesKHR*);
#endif

namespace polysem::vulkan {

inline constexpr const char* kCooperativeExtension = "VK_KHR_cooperative_matrix";

/// The matrices that a subgroup of a device multiplies at once: f16 inputs, f32 sums.
struct CooperativeShape {
  std::uint32_t m = 0, n = 0, k = 0;
  std::uint32_t lanes = 0;  ///< of a subgroup
};

/// What shaders/gemm_cooperative.comp can use of a device, or why it cannot.
struct Cooperative {
  std::optional<CooperativeShape> shape;
  std::string reason;
};
Cooperative find_cooperative(VkInstance instance, VkPhysicalDevice device);

}  // namespace polysem::vulkan
