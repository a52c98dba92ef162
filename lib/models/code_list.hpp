#pragma once

#include "polysem/executor.hpp"

namespace polysem {

/// Codes of one batch with what their backward pass needs: gradients, and the entries sorted by latent.
struct CodeList {
  SparseCodes codes;
  Array values, ids, row_offsets;
  Array gradient;
  Array begin, entries, entry_rows;

  /// Room for the codes of up to `rows` rows of `row_length` entries (0: they vary, `capacity` in all).
  static CodeList make(Executor& executor, std::int64_t rows, std::int64_t row_length, std::int64_t capacity,
                       std::int64_t latents);
  /// Views of constant row length `k`, shorter than the room where fewer latents take part.
  void set_row_length(std::int64_t k);
  Tensor gradient_view() const { return gradient.view().col_range(0, codes.capacity()); }
  Tensor entries_view() const { return entries.view().col_range(0, codes.capacity()); }
  Tensor entry_rows_view() const { return entry_rows.view().col_range(0, codes.capacity()); }
  /// Fills begin, entries, entry_rows from the codes.
  void sort_by_latent(Executor& executor, std::int64_t latents) const;
};

}  // namespace polysem
