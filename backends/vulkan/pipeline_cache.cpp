#include "backends/vulkan/pipeline_cache.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <string>

#include "polysem/cache.hpp"
#include "polysem/file.hpp"

namespace polysem::vulkan {

namespace {

constexpr std::size_t kHashLength = 64;

// One file a driver build: the driver's UUID of its cache format names it.
std::filesystem::path file_of(const Device& device) {
  VkPhysicalDeviceProperties properties{};
  vkGetPhysicalDeviceProperties(device.physical().handle, &properties);
  std::string name;
  for (const std::uint8_t byte : properties.pipelineCacheUUID) {
    constexpr char kDigits[] = "0123456789abcdef";
    name += kDigits[byte >> 4];
    name += kDigits[byte & 15];
  }
  return cache_folder() / "vulkan" / (name + ".pipelines");
}

std::string hash_of(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

}  // namespace

// A hash in front: a driver need not survive a damaged cache.
std::vector<std::byte> load_pipeline_cache(const Device& device) {
  try {
    const auto path = file_of(device);
    if (!std::filesystem::exists(path)) return {};
    const std::string text = read_file(path, std::uint64_t{1} << 28);
    if (text.size() < kHashLength) return {};
    const auto bytes = std::as_bytes(std::span(text)).subspan(kHashLength);
    if (text.compare(0, kHashLength, hash_of(bytes)) != 0) return {};
    return {bytes.begin(), bytes.end()};
  } catch (const std::exception&) {
    return {};
  }
}

void store_pipeline_cache(const Device& device, VkPipelineCache cache) noexcept {
  try {
    std::size_t size = 0;
    check(device.vk().vkGetPipelineCacheData(device.handle(), cache, &size, nullptr),
          "vkGetPipelineCacheData");
    std::string text(kHashLength + size, '\0');
    check(device.vk().vkGetPipelineCacheData(device.handle(), cache, &size, text.data() + kHashLength),
          "vkGetPipelineCacheData");
    text.resize(kHashLength + size);
    const auto bytes = std::as_bytes(std::span(text)).subspan(kHashLength);
    if (std::ranges::equal(bytes, load_pipeline_cache(device))) return;
    text.replace(0, kHashLength, hash_of(bytes));
    const auto path = file_of(device);
    std::filesystem::create_directories(path.parent_path());
    write_file_atomic(path, std::string_view(text));
  } catch (const std::exception&) {  // no cache folder, a full disk: the next process compiles again
  }
}

}  // namespace polysem::vulkan
