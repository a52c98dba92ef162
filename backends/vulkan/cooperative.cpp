#include "backends/vulkan/cooperative.hpp"

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "backends/vulkan/physical_device.hpp"
#include "backends/vulkan/result.hpp"
#include "backends/vulkan/shaders.hpp"

namespace polysem::vulkan {

namespace {

// Of the shader: a part is made of whole matrices, and its shared memory holds their sums.
constexpr std::uint32_t kPart = 32, kMostSums = 256;

bool fits(const VkCooperativeMatrixPropertiesKHR& p) {
  return p.AType == VK_COMPONENT_TYPE_FLOAT16_KHR && p.BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
         p.CType == VK_COMPONENT_TYPE_FLOAT32_KHR && p.ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
         p.saturatingAccumulation == VK_FALSE && p.scope == VK_SCOPE_SUBGROUP_KHR && p.MSize > 0 &&
         p.NSize > 0 && p.KSize > 0 && p.MSize * p.NSize <= kMostSums && kPart % p.MSize == 0 &&
         kPart % p.NSize == 0 && kPart % p.KSize == 0;
}

std::vector<VkCooperativeMatrixPropertiesKHR> properties_of(VkInstance instance, VkPhysicalDevice device) {
  const auto list = reinterpret_cast<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR>(
      vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  std::uint32_t count = 0;
  if (list == nullptr || list(device, &count, nullptr) < 0) return {};
  std::vector<VkCooperativeMatrixPropertiesKHR> all(
      count, make<VkCooperativeMatrixPropertiesKHR>(VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR));
  if (list(device, &count, all.data()) < 0) return {};
  all.resize(count);
  return all;
}

bool has_features(VkPhysicalDevice device) {
  auto cooperative = make<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
  auto v12 = make<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  auto features = make<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  v12.pNext = &cooperative;
  features.pNext = &v12;
  vkGetPhysicalDeviceFeatures2(device, &features);
  return cooperative.cooperativeMatrix && v12.shaderFloat16 && v12.vulkanMemoryModel &&
         v12.vulkanMemoryModelDeviceScope;
}

std::uint32_t subgroup_lanes(VkPhysicalDevice device) {
  auto subgroup =
      make<VkPhysicalDeviceSubgroupProperties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES);
  auto properties = make<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  properties.pNext = &subgroup;
  vkGetPhysicalDeviceProperties2(device, &properties);
  return subgroup.subgroupSize;
}

Cooperative none(std::string reason) { return {std::nullopt, std::move(reason)}; }

}  // namespace

Cooperative find_cooperative(VkInstance instance, VkPhysicalDevice device) {
  if (!has_extension(device, kCooperativeExtension))
    return none(std::string("the driver lacks ") + kCooperativeExtension);
  if (!has_shader("gemm_cooperative")) return none("this build's glslc could not compile shaders for them");
  if (!has_features(device)) return none("the driver lacks what goes with them");
  Cooperative found = none("the device has none of f16 inputs and f32 sums");
  for (const auto& p : properties_of(instance, device)) {
    const auto size = [](const CooperativeShape& s) { return s.m * s.n * s.k; };
    const CooperativeShape shape{p.MSize, p.NSize, p.KSize, subgroup_lanes(device)};
    if (fits(p) && shape.lanes > 0 && shape.lanes <= kMostInvocations &&
        (!found.shape || size(shape) > size(*found.shape)))
      found = {shape, ""};
  }
  return found;
}

}  // namespace polysem::vulkan
