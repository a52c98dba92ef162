#pragma once

#include <map>
#include <mutex>
#include <tuple>

#include "backends/onednn/scratch.hpp"
#include "polysem/backend.hpp"

namespace polysem::onednn {

/// Host memory. Where it is rarely written, it also keeps what ops derived from it (packed weights) until the
/// next write.
class HostBuffer final : public Buffer {
 public:
  HostBuffer(AlignedBytes bytes, std::uint64_t size, MemoryUse use)
      : Buffer(size), memory_(std::move(bytes)), rarely_written_(use == MemoryUse::kRarelyWritten) {}
  std::byte* data() const noexcept { return memory_.data(); }
  bool rarely_written() const noexcept { return rarely_written_; }

  /// Something derived from the buffer's contents; made by `make` when it is not there yet.
  using Key = std::tuple<std::uint64_t, std::int64_t, std::int64_t, std::int64_t, int>;
  template <class Make>
  std::shared_ptr<const void> derived(const Key& key, Make&& make) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto place = derived_.find(key); place != derived_.end()) return place->second;
    }
    std::shared_ptr<const void> made = make();  // unlocked: it may run tasks of other queues while it waits
    const std::lock_guard lock(mutex_);
    return derived_.try_emplace(key, std::move(made)).first->second;
  }
  /// The contents change.
  void written() {
    if (!rarely_written_) return;
    const std::lock_guard lock(mutex_);
    derived_.clear();
  }

 private:
  AlignedBytes memory_;
  bool rarely_written_;
  std::mutex mutex_;
  std::map<Key, std::shared_ptr<const void>> derived_;
};

HostBuffer& buffer_of(const Tensor& tensor);

template <class T>
T* data_of(const Tensor& tensor) {
  return tensor ? reinterpret_cast<T*>(buffer_of(tensor).data() + tensor.offset) : nullptr;
}

}  // namespace polysem::onednn
