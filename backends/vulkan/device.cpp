#include "backends/vulkan/device.hpp"

#include <algorithm>

#include "backends/vulkan/physical_device.hpp"
#include "polysem/error.hpp"

namespace polysem::vulkan {

Device::Device(const std::string& which)
    : settings_(Settings::from_environment()),
      instance_(settings_),
      physical_(choose_device(instance_, which)),
      family_(*compute_family(physical_.handle)) {
  // In software they are slower than what they replace.
  if (settings_.cooperative.value_or(physical_.software ? 0 : 1) == 0) physical_.cooperative.reset();
  auto v11 = make<VkPhysicalDeviceMaintenance3Properties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
  auto properties = make<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  properties.pNext = &v11;
  vkGetPhysicalDeviceProperties2(physical_.handle, &properties);
  vkGetPhysicalDeviceMemoryProperties(physical_.handle, &memory_);
  const VkPhysicalDeviceLimits& limits = properties.properties.limits;
  limits_.range = std::min<std::uint64_t>(limits.maxStorageBufferRange, settings_.max_range.value_or(~0ull));
  limits_.block = std::min<std::uint64_t>(v11.maxMemoryAllocationSize, settings_.max_block.value_or(~0ull));
  limits_.alignment = std::max<std::uint64_t>(limits.minStorageBufferOffsetAlignment, 16);
  limits_.shared = limits.maxComputeSharedMemorySize;
  limits_.groups = *std::min_element(limits.maxComputeWorkGroupCount, limits.maxComputeWorkGroupCount + 3);
  try {
    open();
  } catch (...) {
    if (handle_ != VK_NULL_HANDLE) vk_.vkDestroyDevice(handle_, nullptr);
    throw;
  }
}

// Reads and writes outside a binding do nothing that hurts: ids and offsets lie in memory and are not
// checked.
void Device::open() {
  const float priority = 1.0f;
  auto queue = make<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
  queue.queueFamilyIndex = family_;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  auto v12 = make<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  v12.timelineSemaphore = VK_TRUE;
  auto v11 = make<VkPhysicalDeviceVulkan11Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
  v11.storageBuffer16BitAccess = VK_TRUE;
  v11.pNext = &v12;
  auto cooperative = make<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
  if (physical_.cooperative) {
    cooperative.cooperativeMatrix = v12.shaderFloat16 = VK_TRUE;
    v12.vulkanMemoryModel = v12.vulkanMemoryModelDeviceScope = VK_TRUE;  // of atomics in the other shaders
    v12.pNext = &cooperative;
  }
  auto features = make<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  features.features.robustBufferAccess = VK_TRUE;
  features.pNext = &v11;
  auto info = make<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  info.pNext = &features;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = physical_.cooperative ? 1 : 0;
  info.ppEnabledExtensionNames = &kCooperativeExtension;
  call("vkCreateDevice", [&] { return vkCreateDevice(physical_.handle, &info, nullptr, &handle_); });
  volkLoadDeviceTable(&vk_, handle_);
  vk_.vkGetDeviceQueue(handle_, family_, 0, &queue_);

  auto type = make<VkSemaphoreTypeCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  auto semaphore = make<VkSemaphoreCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO);
  semaphore.pNext = &type;
  call("vkCreateSemaphore", [&] { return vk_.vkCreateSemaphore(handle_, &semaphore, nullptr, &timeline_); });
}

Device::~Device() {
  if (drivers_are_gone()) return;
  wait_for_all();
  vk_.vkDestroySemaphore(handle_, timeline_, nullptr);
  vk_.vkDestroyDevice(handle_, nullptr);
}

std::uint64_t Device::memory_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < memory_.memoryHeapCount; ++i)
    if (memory_.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) bytes += memory_.memoryHeaps[i].size;
  return bytes;
}

std::uint32_t Device::memory_type(std::uint32_t mask, VkMemoryPropertyFlags wanted,
                                  VkMemoryPropertyFlags needed) const {
  for (const VkMemoryPropertyFlags flags : {wanted, needed})
    for (std::uint32_t i = 0; i < memory_.memoryTypeCount; ++i)
      if ((mask >> i & 1u) && (memory_.memoryTypes[i].propertyFlags & flags) == flags) return i;
  throw Error(ErrorCode::kFailed, "the Vulkan device " + physical_.name + " has no fitting kind of memory");
}

std::uint64_t Device::submit(VkCommandBuffer commands) {
  const std::lock_guard lock(submitting_);
  const std::uint64_t before = submitted_, number = submitted_ + 1;
  const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  auto values = make<VkTimelineSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  values.waitSemaphoreValueCount = values.signalSemaphoreValueCount = 1;
  values.pWaitSemaphoreValues = &before;
  values.pSignalSemaphoreValues = &number;
  auto info = make<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  info.pNext = &values;
  info.waitSemaphoreCount = info.signalSemaphoreCount = info.commandBufferCount = 1;
  info.pWaitSemaphores = info.pSignalSemaphores = &timeline_;
  info.pWaitDstStageMask = &stages;
  info.pCommandBuffers = &commands;
  call("vkQueueSubmit", [&] { return vk_.vkQueueSubmit(queue_, 1, &info, VK_NULL_HANDLE); });
  return submitted_ = number;
}

std::uint64_t Device::submitted() const {
  const std::lock_guard lock(submitting_);
  return submitted_;
}

bool Device::done(std::uint64_t number) const {
  std::uint64_t value = 0;
  call("vkGetSemaphoreCounterValue",
       [&] { return vk_.vkGetSemaphoreCounterValue(handle_, timeline_, &value); });
  return value >= number;
}

void Device::wait(std::uint64_t number) const {
  auto info = make<VkSemaphoreWaitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO);
  info.semaphoreCount = 1;
  info.pSemaphores = &timeline_;
  info.pValues = &number;
  call("vkWaitSemaphores", [&] { return vk_.vkWaitSemaphores(handle_, &info, ~std::uint64_t{0}); });
}

// The queue is not used by others meanwhile: a device goes last, and a queue of ours waits when it goes.
void Device::wait_for_all() const noexcept {
  if (drivers_are_gone()) return;
  const std::lock_guard lock(submitting_);
  vk_.vkDeviceWaitIdle(handle_);
}

bool Device::drop_next_barrier() const noexcept {
  return settings_.drop_barrier.has_value() && barriers_++ == *settings_.drop_barrier;
}

VkResult Device::made_up_result() const noexcept {
  if (!settings_.fail_call && !settings_.lose_device) return VK_SUCCESS;
  const std::uint64_t number = calls_++;
  if (settings_.lose_device && number >= *settings_.lose_device) return VK_ERROR_DEVICE_LOST;
  return settings_.fail_call && number == *settings_.fail_call ? VK_ERROR_OUT_OF_DEVICE_MEMORY : VK_SUCCESS;
}

}  // namespace polysem::vulkan
