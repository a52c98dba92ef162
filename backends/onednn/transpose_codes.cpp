#include <algorithm>

#include "backends/onednn/codes.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

constexpr std::int64_t kMostChunks = 16;
constexpr std::int64_t kLatentBlock = 2048;

// Counting sort in chunks of rows: each chunk counts its latents, the counts become places latent by latent
// and chunk by chunk, and each chunk writes its entries in order.
struct Sorter {
  const Codes& codes;
  std::int64_t latents, chunk_rows, chunks;
  std::int32_t* places;  // [chunks, latents]

  template <class F>
  void each_active(std::int64_t chunk, F&& f) const {
    for (std::int64_t r = chunk * chunk_rows; r < std::min(codes.rows(), (chunk + 1) * chunk_rows); ++r)
      for (std::int64_t e = codes.begin(r); e < codes.end(r); ++e)
        if (codes.values()[e] != 0.0f) f(r, e, codes.ids()[e]);
  }

  void count(std::int64_t chunk) const {
    std::int32_t* own = places + chunk * latents;
    std::fill_n(own, latents, 0);
    each_active(chunk, [&](std::int64_t, std::int64_t, std::int32_t latent) { ++own[latent]; });
  }

  std::int32_t total(std::int64_t latent) const {
    std::int32_t sum = 0;
    for (std::int64_t c = 0; c < chunks; ++c) sum += places[c * latents + latent];
    return sum;
  }

  // Counts of latents [first, last) to places, of which the first is `at`.
  void place(std::int64_t first, std::int64_t last, std::int32_t at, std::int32_t* begin) const {
    for (std::int64_t j = first; j < last; ++j) {
      begin[j] = at;
      for (std::int64_t c = 0; c < chunks; ++c) {
        const std::int32_t here = places[c * latents + j];
        places[c * latents + j] = at;
        at += here;
      }
    }
  }
};

}  // namespace

void run(Context& context, const TransposeCodes& op, const TransposeCodes::Operands& t) {
  const Codes codes(op, t);
  auto* begin = data_of<std::int32_t>(t.begin);
  auto* entries = data_of<std::int32_t>(t.entries);
  auto* entry_rows = data_of<std::int32_t>(t.entry_rows);
  const std::int64_t chunk_rows = std::max<std::int64_t>(64, (op.rows + kMostChunks - 1) / kMostChunks);
  const std::int64_t chunks = (op.rows + chunk_rows - 1) / chunk_rows;
  const Sorter sorter{codes, op.latents, chunk_rows, chunks,
                      context.scratch.take<std::int32_t>(chunks * op.latents)};
  Context::parallel(chunks, [&](std::int64_t c) { sorter.count(c); });

  const std::int64_t blocks = (op.latents + kLatentBlock - 1) / kLatentBlock;
  auto* starts = context.scratch.take<std::int32_t>(blocks + 1);
  Context::parallel(blocks, [&](std::int64_t b) {
    std::int32_t sum = 0;
    for (std::int64_t j = b * kLatentBlock; j < std::min(op.latents, (b + 1) * kLatentBlock); ++j)
      sum += sorter.total(j);
    starts[b + 1] = sum;
  });
  starts[0] = 0;
  for (std::int64_t b = 0; b < blocks; ++b) starts[b + 1] += starts[b];
  Context::parallel(blocks, [&](std::int64_t b) {
    sorter.place(b * kLatentBlock, std::min(op.latents, (b + 1) * kLatentBlock), starts[b], begin);
  });
  begin[op.latents] = starts[blocks];

  Context::parallel(chunks, [&](std::int64_t c) {
    std::int32_t* own = sorter.places + c * op.latents;
    sorter.each_active(c, [&](std::int64_t row, std::int64_t entry, std::int32_t latent) {
      const std::int32_t at = own[latent]++;
      entries[at] = static_cast<std::int32_t>(entry);
      entry_rows[at] = static_cast<std::int32_t>(row);
    });
  });
}

}  // namespace polysem::onednn
