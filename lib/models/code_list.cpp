#include "lib/models/code_list.hpp"

namespace polysem {

CodeBuffer::CodeBuffer(Executor& executor, std::int64_t rows, std::int64_t row_length, std::int64_t capacity)
    : values(executor.make(1, capacity)), ids(executor.make(1, capacity, DType::kI32)) {
  if (row_length == 0) row_offsets = executor.make(1, rows + 1, DType::kI32);
  codes = {.values = values, .latents = ids, .row_offsets = row_offsets, .rows = rows, .k = row_length};
}

void CodeBuffer::set_rows(std::int64_t rows) {
  codes.rows = rows;
  if (codes.k > 0) {
    set_row_length(codes.k);
  } else {
    codes.row_offsets = row_offsets.view().col_range(0, rows + 1);
  }
}

void CodeBuffer::set_row_length(std::int64_t k) {
  codes.k = k;
  codes.values = values.view().col_range(0, codes.rows * k);
  codes.latents = ids.view().col_range(0, codes.rows * k);
}

void CodeBuffer::reserve(Executor& executor, std::int64_t capacity) {
  if (capacity <= values.cols()) return;
  codes.values = codes.latents = {};
  values = executor.make(1, capacity);
  ids = executor.make(1, capacity, DType::kI32);
  codes.values = values, codes.latents = ids;
}

CodeList::CodeList(Executor& executor, std::int64_t rows, std::int64_t row_length, std::int64_t capacity,
                   std::int64_t latents)
    : CodeBuffer(executor, rows, row_length, capacity), begin(executor.make(1, latents + 1, DType::kI32)) {
  match_codes(executor);
}

void CodeList::match_codes(Executor& executor) {
  const std::int64_t capacity = values.cols();
  if (gradient && gradient.cols() >= capacity) return;
  gradient = executor.make(1, capacity);
  entries = executor.make(1, capacity, DType::kI32);
  entry_rows = executor.make(1, capacity, DType::kI32);
}

void CodeList::sort_by_latent(Executor& executor, std::int64_t latents) const {
  const TransposeCodes op{.rows = codes.rows, .latents = latents, .k = codes.k, .capacity = codes.capacity()};
  executor.run(op, {.values = codes.values,
                    .ids = codes.latents,
                    .row_offsets = codes.row_offsets,
                    .begin = begin,
                    .entries = entries_view(),
                    .entry_rows = entry_rows_view()});
}

}  // namespace polysem
