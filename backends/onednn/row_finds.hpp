#pragma once

#include <cmath>
#include <limits>

#include "backends/onednn/encode_tiles.hpp"

namespace polysem::onednn {

/// Candidates of some rows of a tile, handed on row by row after each piece, so that lists of any length come
/// out of little memory. Inside a row latents ascend.
class RowFinds {
 public:
  static std::int64_t bytes(std::int64_t rows) {
    return rows * (EncodeTiles::kMostLatents * static_cast<std::int64_t>(sizeof(Candidate)) + 8);
  }

  /// `first_row` of `tiles` is row 0 here. `exact`: what is seen comes from walk_exact().
  RowFinds(std::byte* memory, std::int64_t rows, const EncodeTiles& tiles, std::int64_t first_row, bool exact)
      : rows_(rows), found_(reinterpret_cast<Candidate*>(memory)) {
    unfit_ = reinterpret_cast<float*>(found_ + rows * EncodeTiles::kMostLatents);
    count_ = reinterpret_cast<std::int32_t*>(unfit_ + rows);
    for (std::int64_t r = 0; r < rows; ++r)
      unfit_[r] = !exact && tiles.beyond(first_row + r) ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
  }

  /// take(row, candidates, count) for each row with candidates. `tile` says what they are compared with.
  template <class Take>
  void look_through(ScanTile tile, Take&& take) {
    std::fill_n(count_, rows_, 0);
    tile.unfit = unfit_, tile.count = count_;
    tile.found = found_, tile.capacity = EncodeTiles::kMostLatents;
    kernels().scan(tile);
    for (std::int64_t r = 0; r < rows_; ++r)
      if (count_[r] > 0) take(r, found_ + r * EncodeTiles::kMostLatents, count_[r]);
  }
  /// A pre-activation is not finite; of a screened row: it has to be walked exactly.
  bool unfit(std::int64_t row) const { return std::isnan(unfit_[row]); }

 private:
  std::int64_t rows_;
  Candidate* found_;
  float* unfit_;
  std::int32_t* count_;
};

}  // namespace polysem::onednn
