#pragma once

#include "polysem/executor.hpp"

namespace polysem {

/// Memory for the codes of a batch; `codes` is the view of what is in use.
struct CodeBuffer {
  SparseCodes codes;
  Array values, ids, row_offsets;

  /// Room for the codes of up to `rows` rows of `row_length` entries (0: they vary, `capacity` in all).
  CodeBuffer(Executor& executor, std::int64_t rows, std::int64_t row_length, std::int64_t capacity);
  /// Views for fewer rows than there is room for.
  void set_rows(std::int64_t rows);
  /// Views of constant row length `k`, shorter than the room where fewer latents take part.
  void set_row_length(std::int64_t k);
  /// Makes room for at least `capacity` entries of rows that vary; what was in them is lost.
  void reserve(Executor& executor, std::int64_t capacity);
};

/// Codes of one batch with what their backward pass needs: gradients, and the entries sorted by latent.
struct CodeList : CodeBuffer {
  Array gradient;
  Array begin, entries, entry_rows;

  CodeList(Executor& executor, std::int64_t rows, std::int64_t row_length, std::int64_t capacity,
           std::int64_t latents);
  Tensor gradient_view() const { return gradient.view().col_range(0, codes.capacity()); }
  Tensor entries_view() const { return entries.view().col_range(0, codes.capacity()); }
  Tensor entry_rows_view() const { return entry_rows.view().col_range(0, codes.capacity()); }
  /// Room in gradient, entries and entry_rows for codes that have grown.
  void match_codes(Executor& executor);
  /// Fills begin, entries, entry_rows from the codes.
  void sort_by_latent(Executor& executor, std::int64_t latents) const;
};

}  // namespace polysem
