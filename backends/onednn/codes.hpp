#pragma once

#include <string>
#include <string_view>

#include "backends/onednn/context.hpp"
#include "polysem/tensor.hpp"

namespace polysem::onednn {

/// Sparse codes in memory (layout: SparseCodes), with every offset and id checked: the constructor throws
/// Error{kInvalidArgument} that names the op.
class Codes {
 public:
  template <class O>
  Codes(const O& op, const typename O::Operands& t)
      : values_(data_of<const float>(t.values)),
        ids_(data_of<const std::int32_t>(t.ids)),
        offsets_(data_of<const std::int32_t>(t.row_offsets)),
        rows_(op.rows),
        k_(op.k) {
    check(O::kName, op.latents, op.capacity);
  }
  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t begin(std::int64_t row) const noexcept { return k_ > 0 ? row * k_ : offsets_[row]; }
  std::int64_t end(std::int64_t row) const noexcept { return begin(row + 1); }
  std::int64_t entries() const noexcept { return begin(rows_); }
  const float* values() const noexcept { return values_; }
  /// The first of a row's entries, counted from its begin, at or after `from` whose latent is not below
  /// `latent`.
  std::int64_t end_of(std::int64_t row, std::int64_t from, std::int64_t latent) const noexcept {
    const std::int64_t first = begin(row), count = end(row) - first;
    while (from < count && ids_[first + from] < latent) ++from;
    return from;
  }
  const std::int32_t* ids() const noexcept { return ids_; }

 private:
  void check(std::string_view op, std::int64_t latents, std::int64_t capacity) const;

  const float* values_;
  const std::int32_t* ids_;
  const std::int32_t* offsets_;
  std::int64_t rows_, k_;
};

/// Codes sorted by latent, as TransposeCodes writes them, with every place checked.
struct SortedCodes {
  const std::int32_t* begin = nullptr;
  const std::int32_t* entries = nullptr;
  const std::int32_t* entry_rows = nullptr;
  const float* values = nullptr;
  const float* gradient = nullptr;
  Rows error;

  explicit operator bool() const noexcept { return begin != nullptr; }
  std::int64_t count(std::int64_t latent) const noexcept { return begin[latent + 1] - begin[latent]; }
  /// Throws Error{kInvalidArgument}.
  void check(std::string_view op, std::int64_t latents, std::int64_t rows, std::int64_t capacity) const;
};

}  // namespace polysem::onednn
