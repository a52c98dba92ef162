#include "backends/onednn/codes.hpp"

#include "polysem/error.hpp"

namespace polysem::onednn {

namespace {

[[noreturn]] void refuse(std::string_view op, const std::string& what, std::int64_t place) {
  throw Error(ErrorCode::kInvalidArgument, std::string(op) + ": " + what + " at " + std::to_string(place));
}

}  // namespace

void Codes::check(std::string_view op, std::int64_t latents, std::int64_t capacity) const {
  if (k_ == 0 && offsets_[0] != 0) refuse(op, "row_offsets does not start with 0", 0);
  for (std::int64_t r = 0; k_ == 0 && r < rows_; ++r)
    if (end(r) < begin(r) || end(r) > capacity) refuse(op, "row_offsets descends or passes capacity", r + 1);
  const auto check_row = [&](std::int64_t r) {
    std::int64_t before = -1;
    for (std::int64_t e = begin(r); e < end(r); ++e) {
      if (ids_[e] <= before) refuse(op, "ids does not ascend inside its row, or is negative,", e);
      before = ids_[e];
    }
    if (before >= latents) refuse(op, "ids has a latent that there is not", end(r) - 1);
  };
  Context::parallel_ranges(rows_, 512, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) check_row(r);
  });
}

void SortedCodes::check(std::string_view op, std::int64_t latents, std::int64_t rows,
                        std::int64_t capacity) const {
  if (begin[0] != 0) refuse(op, "begin does not start with 0", 0);
  for (std::int64_t j = 0; j < latents; ++j)
    if (begin[j + 1] < begin[j] || begin[j + 1] > capacity)
      refuse(op, "begin descends or passes capacity", j + 1);
  Context::parallel_ranges(begin[latents], 32768, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      if (entries[i] < 0 || entries[i] >= capacity) refuse(op, "entries points outside", i);
      if (entry_rows[i] < 0 || entry_rows[i] >= rows) refuse(op, "entry_rows points outside", i);
    }
  });
}

}  // namespace polysem::onednn
