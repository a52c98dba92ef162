#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

namespace polysem::onednn {

/// Uninitialised memory on a cache line, of bytes that live as long as the object.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(std::size_t bytes) : data_(allocate(bytes)), size_(bytes) {}
  std::byte* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }
  /// Makes room for at least `bytes`; what was inside is lost when it grows.
  std::byte* at_least(std::size_t bytes) {
    if (bytes > size_) *this = AlignedBytes(bytes);
    return data();
  }

 private:
  struct Free {
    void operator()(std::byte* p) const noexcept { std::free(p); }
  };
  static std::byte* allocate(std::size_t bytes);

  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

/// Memory for the time of one op, kept for the next.
class Scratch {
 public:
  /// Everything handed out before is free again.
  void reset() {
    if (blocks_.size() > 1) {
      blocks_.clear();
      blocks_.emplace_back(total_);
    }
    used_ = 0;
    total_ = blocks_.empty() ? 0 : blocks_[0].size();
  }

  template <class T>
  T* take(std::int64_t count) {
    const std::size_t bytes = (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
    if (blocks_.empty() || used_ + bytes > blocks_.back().size()) {
      blocks_.emplace_back(bytes);
      total_ += bytes;
      used_ = 0;
    }
    std::byte* place = blocks_.back().data() + used_;
    used_ += bytes;
    return reinterpret_cast<T*>(place);
  }

 private:
  std::vector<AlignedBytes> blocks_;
  std::size_t used_ = 0;   // of the last block
  std::size_t total_ = 0;  // of all blocks
};

/// The same for a thread: a piece of its own for every thread that may work at once.
template <class T>
class PerThread {
 public:
  PerThread(Scratch& scratch, int threads, std::int64_t count)
      : count_((count + 63) / 64 * 64), data_(scratch.take<T>(count_ * threads)) {}
  T* of(int thread) const noexcept { return data_ + thread * count_; }

 private:
  std::int64_t count_;
  T* data_;
};

}  // namespace polysem::onednn
