#include "backends/vulkan/memory.hpp"

#include <algorithm>
#include <string>

#include "polysem/error.hpp"

namespace polysem::vulkan {

namespace {

constexpr std::uint64_t kBlockBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kAlignment = 256;

std::uint64_t aligned(std::uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::uint32_t type_for(const Device& device, std::uint32_t mask, Block::Kind kind) {
  constexpr VkMemoryPropertyFlags kHost =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  if (kind == Block::Kind::kDevice) return device.memory_type(mask, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0);
  const bool reads = kind == Block::Kind::kDownload;  // uncached memory is very slow to read
  return device.memory_type(mask, reads ? kHost | VK_MEMORY_PROPERTY_HOST_CACHED_BIT : kHost, kHost);
}

}  // namespace

Block::Block(const Device& device, std::uint64_t bytes, Kind kind) : device_(device), bytes_(bytes) {
  const VolkDeviceTable& vk = device.vk();
  auto info = make<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.size = bytes;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  try {
    device.call("vkCreateBuffer",
                [&] { return vk.vkCreateBuffer(device.handle(), &info, nullptr, &buffer_); });
    VkMemoryRequirements needs{};
    vk.vkGetBufferMemoryRequirements(device.handle(), buffer_, &needs);
    auto memory = make<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
    memory.allocationSize = needs.size;
    memory.memoryTypeIndex = type_for(device, needs.memoryTypeBits, kind);
    device.call("vkAllocateMemory",
                [&] { return vk.vkAllocateMemory(device.handle(), &memory, nullptr, &memory_); });
    device.call("vkBindBufferMemory",
                [&] { return vk.vkBindBufferMemory(device.handle(), buffer_, memory_, 0); });
    if (kind == Kind::kDevice) return;
    void* data = nullptr;
    device.call("vkMapMemory",
                [&] { return vk.vkMapMemory(device.handle(), memory_, 0, VK_WHOLE_SIZE, 0, &data); });
    data_ = static_cast<std::byte*>(data);
  } catch (...) {
    destroy();
    throw;
  }
}

Block::~Block() { destroy(); }

void Block::destroy() noexcept {
  if (drivers_are_gone()) return;
  device_.vk().vkDestroyBuffer(device_.handle(), buffer_, nullptr);
  device_.vk().vkFreeMemory(device_.handle(), memory_, nullptr);
}

Allocation::~Allocation() { arenas_->give_back(arena_, offset_); }

std::shared_ptr<Allocation> Arenas::take(std::size_t index, std::uint64_t bytes) {
  Arena& arena = arenas_[index];
  const auto place = std::ranges::find_if(arena.free, [&](const auto& hole) { return hole.second >= bytes; });
  if (place == arena.free.end()) return nullptr;
  const auto [offset, size] = *place;
  arena.free.erase(place);
  if (size > bytes) arena.free.emplace(offset + bytes, size - bytes);
  arena.used.emplace(offset, bytes);
  return std::make_shared<Allocation>(shared_from_this(), index, arena.block->buffer(), offset);
}

std::shared_ptr<Allocation> Arenas::allocate(std::uint64_t bytes) {
  const std::uint64_t size = aligned(std::max<std::uint64_t>(bytes, 1));
  const std::uint64_t most = device_->limits().block / kAlignment * kAlignment;
  if (bytes > most || size > most)
    throw Error(ErrorCode::kOutOfMemory, "the vulkan backend cannot allocate " + std::to_string(bytes) +
                                             " bytes in one piece; the device allows " +
                                             std::to_string(most));
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < arenas_.size(); ++i)
    if (arenas_[i].block)
      if (auto found = take(i, size)) return found;
  auto block =
      std::make_unique<Block>(*device_, std::min(most, std::max(kBlockBytes, size)), Block::Kind::kDevice);
  const auto vacant = std::ranges::find_if(arenas_, [](const Arena& a) { return !a.block; });
  const auto index = static_cast<std::size_t>(vacant - arenas_.begin());
  if (vacant == arenas_.end()) arenas_.emplace_back();
  arenas_[index].free = {{0, block->bytes()}};
  arenas_[index].block = std::move(block);
  return take(index, size);
}

// Neighbouring holes become one. An empty block that was made for one large tensor goes back to the driver.
void Arenas::give_back(std::size_t index, std::uint64_t offset) noexcept {
  const std::lock_guard lock(mutex_);
  Arena& arena = arenas_[index];
  const auto used = arena.used.find(offset);
  auto hole = arena.free.emplace(offset, used->second).first;
  arena.used.erase(used);
  if (const auto next = std::next(hole);
      next != arena.free.end() && hole->first + hole->second == next->first) {
    hole->second += next->second;
    arena.free.erase(next);
  }
  if (hole != arena.free.begin()) {
    const auto before = std::prev(hole);
    if (before->first + before->second == hole->first) {
      before->second += hole->second;
      arena.free.erase(hole);
    }
  }
  if (arena.used.empty() && arena.block->bytes() > kBlockBytes) arena = {};
}

const VulkanBuffer& buffer_of(const Tensor& tensor) {
  const auto* buffer = dynamic_cast<const VulkanBuffer*>(tensor.buffer);
  if (buffer == nullptr)
    throw Error(ErrorCode::kInvalidArgument, "the vulkan backend was given memory of another backend");
  return *buffer;
}

}  // namespace polysem::vulkan
