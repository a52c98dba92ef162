#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "backends/onednn/kernels/kernels.hpp"

namespace polysem::onednn {

/// Order of selection: the larger rank, then the lower latent. No two latents are equal, so what is selected
/// does not depend on how candidates were collected.
inline bool better(const Candidate& a, const Candidate& b) {
  return a.rank > b.rank || (a.rank == b.rank && a.latent < b.latent);
}

/// The best k of one row, collected tile by tile in ascending order of the latent: whatever is above the k-th
/// best so far is kept, and thinned out to k when the buffer is full. A later latent of the same rank loses,
/// so "above" is strict.
class RowSelection {
 public:
  static std::int64_t capacity_for(std::int64_t k) { return k + std::max<std::int64_t>(k, 64) + 64; }

  RowSelection() = default;
  RowSelection(Candidate* buffer, std::int64_t k) : found_(buffer), k_(k) {}

  void look_through(const Scan& tile) {
    const Kernels& kernel = kernels();
    std::int64_t at = 0;
    while (at < tile.count) {
      at = kernel.scan(tile, at, threshold_, found_, &count_, capacity_for(k_), &nonfinite_);
      if (at < tile.count) thin();
    }
  }

  void add(const Candidate* list, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      if (count_ == capacity_for(k_)) thin();
      found_[count_++] = list[i];
    }
  }

  /// The best of those found, at most k, in no particular order.
  std::int64_t finish() {
    if (count_ > k_) thin();
    return count_;
  }
  Candidate* found() const { return found_; }
  bool nonfinite() const { return nonfinite_; }

 private:
  void thin() {
    if (count_ < k_) return;
    std::nth_element(found_, found_ + (k_ - 1), found_ + count_, better);
    count_ = k_;
    threshold_ = found_[k_ - 1].rank;
  }

  Candidate* found_ = nullptr;
  std::int64_t k_ = 0;
  std::int64_t count_ = 0;
  float threshold_ = -std::numeric_limits<float>::infinity();
  bool nonfinite_ = false;
};

}  // namespace polysem::onednn
