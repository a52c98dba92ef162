#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

namespace {

POLYSEM_INLINE std::uint64_t key_of(float rank, std::int32_t latent) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &rank, sizeof bits);
  bits ^= (bits >> 31) != 0 ? 0xffffffffu : 0x80000000u;
  return (std::uint64_t{bits} << 32) | ~static_cast<std::uint32_t>(latent);
}

// Not inlined: hits are rare, and the loop around is short.
[[gnu::noinline]] void push(const ScanTile& t, std::int64_t latent, std::int64_t row, unsigned mask) {
  const std::int32_t name = t.ids != nullptr ? t.ids[latent] : t.first + static_cast<std::int32_t>(latent);
  for (; mask != 0; mask &= mask - 1) {
    const std::int64_t r = row + __builtin_ctz(mask);
    const float h = t.product[latent * t.rows + r] + t.bias[latent];
    const float rank = (t.scale != nullptr ? h * t.scale[latent] : h) + 0.0f;  // -0 ranks as 0
    t.found[r * t.capacity + t.count[r]++] = {key_of(rank, name), h};
  }
}

// Columns [row, row + n) with n up to a vector; `Whole` says that it is one.
template <bool Whole>
POLYSEM_INLINE void scan_columns(const ScanTile& t, std::int64_t row, std::int64_t n) {
  const V bound = Whole ? load(t.threshold + row) : load(t.threshold + row, n);
  const unsigned inside = (1u << n) - 1u;
  V unfit = Whole ? load(t.unfit + row) : load(t.unfit + row, n);
  for (std::int64_t j = 0; j < t.latents; ++j) {
    const float* line = t.product + j * t.rows + row;
    const V h = (Whole ? load(line) : load(line, n)) + t.bias[j];
    unfit = unfit + 0.0f * h;  // NaN exactly where h is not finite
    const V rank = t.scale != nullptr ? h * t.scale[j] : h;
    const unsigned hits = mask_of(rank > bound) & inside;
    if (__builtin_expect(hits != 0, 0)) push(t, j, row, hits);
  }
  if (Whole) {
    store(t.unfit + row, unfit);
  } else {
    store(t.unfit + row, unfit, n);
  }
}

}  // namespace

void scan(const ScanTile& tile) {
  std::int64_t row = 0;
  for (; row + kLanes <= tile.rows; row += kLanes) scan_columns<true>(tile, row, kLanes);
  if (row < tile.rows) scan_columns<false>(tile, row, tile.rows - row);
}

}  // namespace polysem::onednn::POLYSEM_ISA
