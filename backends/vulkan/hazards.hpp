#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backends/vulkan/loader.hpp"

namespace polysem::vulkan {

/// Bytes of a buffer that a command reads or writes.
struct Touched {
  VkBuffer buffer;
  std::uint64_t begin, end;
  bool written;
};

/// What commands touched since the last barrier: tells where the next barrier has to stand. Commands that do
/// not meet run side by side.
class Hazards {
 public:
  bool meet(std::span<const Touched> next) const noexcept;
  void add(std::span<const Touched> touched) { since_.insert(since_.end(), touched.begin(), touched.end()); }
  void clear() noexcept { since_.clear(); }

 private:
  std::vector<Touched> since_;
};

}  // namespace polysem::vulkan
