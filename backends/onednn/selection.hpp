#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "backends/onednn/encode_tiles.hpp"

namespace polysem::onednn {

/// Keeps those that stay, in order; returns how many. Without branches: which candidates stay is hard to
/// foresee.
template <class Stays>
std::int64_t keep_if(Candidate* found, std::int64_t count, Stays&& stays) {
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const Candidate c = found[i];
    found[kept] = c;
    kept += stays(c) ? 1 : 0;
  }
  return kept;
}

/// The k-th largest lower bound; `ranks` has room for all.
inline float kth_lower(const Candidate* found, std::int64_t count, std::int64_t k, float* ranks) {
  for (std::int64_t i = 0; i < count; ++i) ranks[i] = found[i].lower;
  return kernels().kth_largest(ranks, count, k);
}

/// The best k of exact candidates, in order; returns how many there are. Latents ascend, so of those that tie
/// with the k-th the first are kept.
inline std::int64_t keep_best(Candidate* found, std::int64_t count, std::int64_t k, float* ranks) {
  if (count <= k) return count;
  const float bound = kth_lower(found, count, k, ranks);
  std::int64_t ties = k;
  for (std::int64_t i = 0; i < count; ++i) ties -= found[i].lower > bound ? 1 : 0;
  return keep_if(found, count, [&](const Candidate& c) {
    const bool tie = c.lower == bound && ties > 0;
    ties -= tie ? 1 : 0;
    return c.lower > bound || tie;
  });
}

/// The best k of each of some rows, collected from tiles of latents in ascending order: whatever is above a
/// row's k-th best so far is kept, and thinned out when its places run out. A later latent of the same rank
/// loses, so "above" is strict; what comes out does not depend on when rows were thinned out.
///
/// Of screened candidates the k-th largest lower bound is what others have to beat. They stay as long as they
/// might be chosen, and only those that are left at the end are computed exactly: not twice k as a rule.
class Selection {
 public:
  /// Memory for `rows` rows, in bytes.
  static std::int64_t bytes(std::int64_t rows, std::int64_t k) {
    return rows * (capacity(k) * static_cast<std::int64_t>(sizeof(Candidate)) + 12) + 4 * capacity(k);
  }

  /// `first_row` of `tiles` is row 0 here. `exact`: what is seen comes from walk_exact().
  Selection(std::byte* memory, std::int64_t rows, std::int64_t k, const EncodeTiles& tiles,
            std::int64_t first_row, bool exact = false)
      : tiles_(tiles), first_row_(first_row), rows_(rows), k_(k), screened_(tiles.screened() && !exact) {
    found_ = reinterpret_cast<Candidate*>(memory);
    threshold_ = reinterpret_cast<float*>(found_ + rows * capacity(k));
    unfit_ = threshold_ + rows;
    count_ = reinterpret_cast<std::int32_t*>(unfit_ + rows);
    ranks_ = reinterpret_cast<float*>(count_ + rows);
    std::fill_n(threshold_, rows, -std::numeric_limits<float>::infinity());
    std::fill_n(count_, rows, 0);
    for (std::int64_t r = 0; r < rows; ++r)
      unfit_[r] = screened_ && tiles.beyond(first_row + r) ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
  }

  void look_through(ScanTile tile) {
    tile.threshold = threshold_, tile.unfit = unfit_, tile.count = count_;
    tile.found = found_, tile.capacity = capacity(k_);
    kernels().scan(tile);
    for (std::int64_t r = 0; r < rows_; ++r)
      if (count_[r] + EncodeTiles::kMostLatents > capacity(k_)) thin(r);
  }

  /// What may be among the best of a row, latents ascending: at most `room` (k at least) candidates, and no
  /// more than k where they are exact.
  Candidate* finish(std::int64_t row, std::int64_t room, std::int64_t& count) {
    if (screened_) {
      drop_beaten(row);
      if (count_[row] > room) tiles_.settle(first_row_ + row, of(row), count_[row]);
    }
    if (!screened_ || count_[row] > room) keep_best(row);
    count = count_[row];
    return of(row);
  }
  /// A pre-activation is not finite; of a screened row: it has to be walked exactly.
  bool unfit(std::int64_t row) const { return std::isnan(unfit_[row]); }

 private:
  static std::int64_t capacity(std::int64_t k) {
    return 2 * k + std::max<std::int64_t>(k, 64) + EncodeTiles::kMostLatents;
  }
  Candidate* of(std::int64_t row) const { return found_ + row * capacity(k_); }

  void thin(std::int64_t row) {
    if (screened_ && unfit(row)) {
      count_[row] = 0;
      threshold_[row] = std::numeric_limits<float>::infinity();
      return;
    }
    if (screened_) {
      drop_beaten(row);
      if (count_[row] + EncodeTiles::kMostLatents <= capacity(k_)) return;
      tiles_.settle(first_row_ + row, of(row), count_[row]);  // too many might be chosen to wait
    }
    keep_best(row);
  }

  /// The k-th largest lower bound, which at least k candidates reach for certain.
  float bound_of(std::int64_t row) {
    const float bound = kth_lower(of(row), count_[row], k_, ranks_);
    threshold_[row] = std::max(threshold_[row], bound);
    return bound;
  }

  void drop_beaten(std::int64_t row) {
    if (count_[row] <= k_) return;
    const std::uint64_t lowest = Candidate::key_of(bound_of(row), -1);
    count_[row] = static_cast<std::int32_t>(
        keep_if(of(row), count_[row], [=](const Candidate& c) { return c.key >= lowest; }));
  }

  void keep_best(std::int64_t row) {
    if (count_[row] <= k_) return;
    count_[row] = static_cast<std::int32_t>(onednn::keep_best(of(row), count_[row], k_, ranks_));
    threshold_[row] = std::max(threshold_[row], lowest_of(of(row), k_));
  }
  static float lowest_of(const Candidate* found, std::int64_t count) {
    float lowest = std::numeric_limits<float>::infinity();
    for (std::int64_t i = 0; i < count; ++i) lowest = std::min(lowest, found[i].lower);
    return lowest;
  }

  const EncodeTiles& tiles_;
  std::int64_t first_row_, rows_, k_;
  bool screened_;
  Candidate* found_;
  float* threshold_;
  float* unfit_;
  std::int32_t* count_;
  float* ranks_;  // of one row at a time
};

}  // namespace polysem::onednn
