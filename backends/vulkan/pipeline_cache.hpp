#pragma once

#include <cstddef>
#include <vector>

#include "backends/vulkan/device.hpp"

namespace polysem::vulkan {

/// What the driver kept of compiled shaders in the cache folder; empty where there is nothing or it is
/// damaged.
std::vector<std::byte> load_pipeline_cache(const Device& device);

/// Keeps it for the next process. What goes wrong only costs time, so nothing is thrown.
void store_pipeline_cache(const Device& device, VkPipelineCache cache) noexcept;

}  // namespace polysem::vulkan
