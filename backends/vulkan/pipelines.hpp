#pragma once

#include <array>
#include <compare>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

#include "backends/vulkan/device.hpp"
#include "backends/vulkan/physical_device.hpp"
#include "backends/vulkan/shaders.hpp"

namespace polysem::vulkan {

/// Values of a shader's specialisation constants 0, 1, ... in order.
struct Constants {
  static constexpr std::size_t kMost = 14;
  std::array<std::uint32_t, kMost> values{};
  std::uint32_t count = 0;

  Constants() = default;
  Constants(std::initializer_list<std::uint32_t> list) {
    for (const std::uint32_t value : list) values[count++] = value;
  }
  auto operator<=>(const Constants&) const = default;
};

struct Pipeline {
  VkPipeline handle = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  VkDescriptorSetLayout set_layout = VK_NULL_HANDLE;
};

/// Pipelines, made when first used and kept; the driver's cache of them lives in the cache folder.
/// Thread-safe.
class Pipelines {
 public:
  explicit Pipelines(std::shared_ptr<Device> device);
  ~Pipelines();
  Pipelines(const Pipelines&) = delete;
  Pipelines& operator=(const Pipelines&) = delete;

  /// The shader with these constants and `bindings` storage buffers, 0, 1, ...
  const Pipeline& get(std::size_t shader, std::uint32_t bindings, const Constants& constants);

 private:
  struct Layout {
    VkDescriptorSetLayout set = VK_NULL_HANDLE;
    VkPipelineLayout pipeline = VK_NULL_HANDLE;
  };
  struct Key {
    std::size_t shader;
    std::uint32_t bindings;
    Constants constants;
    auto operator<=>(const Key&) const = default;
  };
  const Layout& layout(std::uint32_t bindings);
  VkShaderModule module(std::size_t shader);
  VkPipeline create(const Key& key);

  std::shared_ptr<Device> device_;
  std::mutex mutex_;
  VkPipelineCache cache_ = VK_NULL_HANDLE;
  std::array<Layout, kMostBindings + 1> layouts_{};
  std::vector<VkShaderModule> modules_;
  std::map<Key, Pipeline> pipelines_;
};

}  // namespace polysem::vulkan
