#include "backends/onednn/scratch.hpp"

#include <sys/mman.h>

namespace polysem::onednn {

// Large blocks are offered to the system for large pages: rows of a coder's weights are read in no order, and
// with small pages most of them cost a walk through the page table.
std::byte* AlignedBytes::allocate(std::size_t bytes) {
  constexpr std::size_t kLine = 64, kLargePage = std::size_t{2} << 20;
  const std::size_t alignment = bytes >= 2 * kLargePage ? kLargePage : kLine;
  if (bytes > SIZE_MAX - alignment) throw std::bad_alloc();
  const std::size_t size = (bytes + alignment - 1) / alignment * alignment;
  void* data = std::aligned_alloc(alignment, size > 0 ? size : alignment);
  if (data == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (alignment == kLargePage)
    madvise(data, size, MADV_HUGEPAGE);  // advice: it works as well if it is not taken
#endif
  return static_cast<std::byte*>(data);
}

}  // namespace polysem::onednn
