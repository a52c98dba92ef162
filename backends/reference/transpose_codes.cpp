#include <vector>

#include "backends/reference/codes.hpp"
#include "backends/reference/ops.hpp"

namespace polysem::reference {

// Counting sort: count each latent's active entries, turn the counts into places, then walk the entries in
// order.
void run(const TransposeCodes& op, const TransposeCodes::Operands& t) {
  const Codes codes(op, t);
  const Integers<std::int32_t> begin(t.begin), entries(t.entries), entry_rows(t.entry_rows);
  for (std::int64_t j = 0; j <= op.latents; ++j) begin[j] = 0;
  for (std::int64_t r = 0; r < op.rows; ++r)
    for (std::int64_t e = codes.begin(r); e < codes.end(r); ++e)
      if (codes.value(e) != 0) ++begin[codes.latent(e) + 1];
  for (std::int64_t j = 0; j < op.latents; ++j) begin[j + 1] += begin[j];

  std::vector<std::int32_t> next(static_cast<std::size_t>(op.latents));
  for (std::size_t j = 0; j < next.size(); ++j) next[j] = begin[static_cast<std::int64_t>(j)];
  for (std::int64_t r = 0; r < op.rows; ++r) {
    for (std::int64_t e = codes.begin(r); e < codes.end(r); ++e) {
      if (codes.value(e) == 0) continue;
      const std::int32_t place = next[static_cast<std::size_t>(codes.latent(e))]++;
      entries[place] = static_cast<std::int32_t>(e);
      entry_rows[place] = static_cast<std::int32_t>(r);
    }
  }
}

}  // namespace polysem::reference
