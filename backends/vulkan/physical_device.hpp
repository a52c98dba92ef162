#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "backends/vulkan/instance.hpp"

namespace polysem::vulkan {

/// Storage buffers that the largest shader binds.
inline constexpr std::uint32_t kMostBindings = 16;
/// Bytes of push constants that every device has.
inline constexpr std::uint32_t kPushBytes = 128;
/// Invocations of the largest work group.
inline constexpr std::uint32_t kMostInvocations = 256;
/// Shared memory that every device has; some shapes need more.
inline constexpr std::uint32_t kLeastShared = 16384;

/// Whether the driver has an extension of devices.
bool has_extension(VkPhysicalDevice device, std::string_view name);

/// In the order of preference: discrete, integrated, virtual, others, software.
std::vector<PhysicalDevice> describe_devices(VkInstance instance, std::span<const VkPhysicalDevice> handles);

/// The first queue family that computes, or none.
std::optional<std::uint32_t> compute_family(VkPhysicalDevice device);

}  // namespace polysem::vulkan
