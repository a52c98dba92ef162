#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/vulkan/device.hpp"
#include "polysem/tensor.hpp"

namespace polysem::vulkan {

/// One piece of memory with one buffer over all of it. Host pieces stay mapped.
class Block {
 public:
  enum class Kind { kDevice, kUpload, kDownload };
  Block(const Device& device, std::uint64_t bytes, Kind kind);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  VkBuffer buffer() const noexcept { return buffer_; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  std::byte* data() const noexcept { return data_; }

 private:
  void destroy() noexcept;

  const Device& device_;
  std::uint64_t bytes_;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  std::byte* data_ = nullptr;
};

class Arenas;

/// A part of a block. Given back when the last who holds it lets go: the buffer, and every recording that
/// uses it until its work has ended.
class Allocation {
 public:
  Allocation(std::shared_ptr<Arenas> arenas, std::size_t arena, VkBuffer buffer, std::uint64_t offset)
      : arenas_(std::move(arenas)), arena_(arena), buffer_(buffer), offset_(offset) {}
  ~Allocation();
  Allocation(const Allocation&) = delete;
  Allocation& operator=(const Allocation&) = delete;

  VkBuffer buffer() const noexcept { return buffer_; }
  std::uint64_t offset() const noexcept { return offset_; }
  /// Number of the recording that last took hold of it: spares most of the copies of shared pointers.
  std::atomic<std::uint64_t> held_by{0};

 private:
  std::shared_ptr<Arenas> arenas_;
  std::size_t arena_;
  VkBuffer buffer_;
  std::uint64_t offset_;
};

/// Device memory in blocks of 64 MiB, or one of its own for what is larger, given out first fit. A driver
/// allows a few thousand pieces of memory, and takes long to make one. Thread-safe.
class Arenas : public std::enable_shared_from_this<Arenas> {
 public:
  explicit Arenas(std::shared_ptr<Device> device) : device_(std::move(device)) {}
  /// Throws Error{kOutOfMemory}.
  std::shared_ptr<Allocation> allocate(std::uint64_t bytes);

 private:
  friend class Allocation;
  struct Arena {
    std::unique_ptr<Block> block;
    std::map<std::uint64_t, std::uint64_t> free;  // offset -> bytes
    std::map<std::uint64_t, std::uint64_t> used;
  };
  void give_back(std::size_t arena, std::uint64_t offset) noexcept;
  std::shared_ptr<Allocation> take(std::size_t arena, std::uint64_t bytes);

  std::shared_ptr<Device> device_;
  std::mutex mutex_;
  std::vector<Arena> arenas_;
};

class VulkanBuffer final : public Buffer {
 public:
  VulkanBuffer(std::uint64_t bytes, std::shared_ptr<Allocation> allocation)
      : Buffer(bytes), allocation_(std::move(allocation)) {}
  const std::shared_ptr<Allocation>& allocation() const noexcept { return allocation_; }

 private:
  std::shared_ptr<Allocation> allocation_;
};

/// The buffer of a view. Throws Error{kInvalidArgument} for memory of another backend.
const VulkanBuffer& buffer_of(const Tensor& tensor);

}  // namespace polysem::vulkan
