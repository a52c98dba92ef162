#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "backends/onednn/encode_tiles.hpp"

namespace polysem::onednn {

/// The best k of each of some rows, collected from tiles of latents in ascending order: whatever is above a
/// row's k-th best so far is kept, and thinned out when its places run out. A later latent of the same rank
/// loses, so "above" is strict; what comes out does not depend on when rows were thinned out.
///
/// Of screened candidates the k-th largest lower bound is what others have to beat. They stay as long as they
/// might be chosen, and only those that are left at the end are computed exactly; some 10 above k as a rule.
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

  /// The best of a row, at most k, latents ascending.
  Candidate* finish(std::int64_t row, std::int64_t& count) {
    if (screened_) {
      drop_beaten(row);
      tiles_.settle(first_row_ + row, of(row), count_[row]);
    }
    keep_best(row);
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
    const Candidate* found = of(row);
    for (std::int64_t i = 0; i < count_[row]; ++i) ranks_[i] = found[i].lower;
    const float bound = kernels().kth_largest(ranks_, count_[row], k_);
    threshold_[row] = std::max(threshold_[row], bound);
    return bound;
  }

  // Without branches: which candidates stay is hard to foresee.
  template <class Stays>
  void keep(std::int64_t row, Stays&& stays) {
    Candidate* found = of(row);
    std::int32_t kept = 0;
    for (std::int64_t i = 0; i < count_[row]; ++i) {
      const Candidate c = found[i];
      found[kept] = c;
      kept += stays(c) ? 1 : 0;
    }
    count_[row] = kept;
  }

  void drop_beaten(std::int64_t row) {
    if (count_[row] <= k_) return;
    const std::uint64_t lowest = Candidate::key_of(bound_of(row), -1);
    keep(row, [=](const Candidate& c) { return c.key >= lowest; });
  }

  // Of the candidates that tie with the k-th the first are the lowest latents.
  void keep_best(std::int64_t row) {
    if (count_[row] <= k_) return;
    const float bound = bound_of(row);
    const Candidate* found = of(row);
    std::int64_t ties = k_;
    for (std::int64_t i = 0; i < count_[row]; ++i) ties -= found[i].lower > bound ? 1 : 0;
    keep(row, [&](const Candidate& c) {
      const bool tie = c.lower == bound && ties > 0;
      ties -= tie ? 1 : 0;
      return c.lower > bound || tie;
    });
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
