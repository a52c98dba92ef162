#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "backends/onednn/context.hpp"

namespace polysem::onednn {

/// Moves the best k to the front.
inline void keep_best(Candidate* found, std::int64_t count, std::int64_t k) {
  if (count > k)
    std::nth_element(found, found + (k - 1), found + count,
                     [](const Candidate& a, const Candidate& b) { return a.key > b.key; });
}

/// The best k of each of some rows, collected from tiles of latents in ascending order: whatever is above a
/// row's k-th best so far is kept, and thinned out to k when its places run out. A later latent of the same
/// rank loses, so "above" is strict; what comes out does not depend on when rows were thinned out.
class Selection {
 public:
  static constexpr std::int64_t kMostLatents = 64;  ///< of one tile

  /// Memory for `rows` rows, in bytes.
  static std::int64_t bytes(std::int64_t rows, std::int64_t k) {
    return rows * (capacity(k) * static_cast<std::int64_t>(sizeof(Candidate)) + 12);
  }

  Selection(std::byte* memory, std::int64_t rows, std::int64_t k) : rows_(rows), k_(k) {
    found_ = reinterpret_cast<Candidate*>(memory);
    threshold_ = reinterpret_cast<float*>(found_ + rows * capacity(k));
    unfit_ = threshold_ + rows;
    count_ = reinterpret_cast<std::int32_t*>(unfit_ + rows);
    std::fill_n(threshold_, rows, -std::numeric_limits<float>::infinity());
    std::fill_n(unfit_, rows, 0.0f);
    std::fill_n(count_, rows, 0);
  }

  /// `tile` with its latents and their products filled in.
  void look_through(ScanTile tile) {
    tile.rows = rows_, tile.threshold = threshold_, tile.unfit = unfit_, tile.count = count_;
    tile.found = found_, tile.capacity = capacity(k_);
    kernels().scan(tile);
    for (std::int64_t r = 0; r < rows_; ++r)
      if (count_[r] + kMostLatents > capacity(k_)) thin(r);
  }

  /// The best of a row, at most k, in no particular order.
  Candidate* finish(std::int64_t row, std::int64_t& count) {
    keep_best(of(row), count_[row], k_);
    count = std::min<std::int64_t>(count_[row], k_);
    return of(row);
  }
  bool nonfinite(std::int64_t row) const { return std::isnan(unfit_[row]); }

 private:
  static std::int64_t capacity(std::int64_t k) { return k + std::max<std::int64_t>(k, 64) + kMostLatents; }
  Candidate* of(std::int64_t row) const { return found_ + row * capacity(k_); }

  void thin(std::int64_t row) {
    keep_best(of(row), count_[row], k_);
    count_[row] = static_cast<std::int32_t>(k_);
    const Candidate& last = of(row)[k_ - 1];
    auto bits = static_cast<std::uint32_t>(last.key >> 32);
    bits ^= (bits >> 31) != 0 ? 0x80000000u : 0xffffffffu;
    threshold_[row] = std::bit_cast<float>(bits);
  }

  std::int64_t rows_, k_;
  Candidate* found_;
  float* threshold_;
  float* unfit_;
  std::int32_t* count_;
};

}  // namespace polysem::onednn
