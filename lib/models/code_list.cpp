#include "lib/models/code_list.hpp"

namespace polysem {

CodeList CodeList::make(Executor& executor, std::int64_t rows, std::int64_t row_length, std::int64_t capacity,
                        std::int64_t latents) {
  CodeList list;
  list.values = executor.make(1, capacity);
  list.ids = executor.make(1, capacity, DType::kI32);
  if (row_length == 0) list.row_offsets = executor.make(1, rows + 1, DType::kI32);
  list.gradient = executor.make(1, capacity);
  list.begin = executor.make(1, latents + 1, DType::kI32);
  list.entries = executor.make(1, capacity, DType::kI32);
  list.entry_rows = executor.make(1, capacity, DType::kI32);
  list.codes = {.values = list.values,
                .latents = list.ids,
                .row_offsets = list.row_offsets,
                .rows = rows,
                .k = row_length};
  return list;
}

void CodeList::set_row_length(std::int64_t k) {
  codes.k = k;
  codes.values = values.view().col_range(0, codes.rows * k);
  codes.latents = ids.view().col_range(0, codes.rows * k);
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
