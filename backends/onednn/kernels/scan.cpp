#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

namespace {

// Not inlined: hits are rare, and the loop around is short.
[[gnu::noinline]] void push(const ScanTile& t, std::int64_t latent, std::int64_t row, unsigned mask) {
  const std::int32_t name = t.ids != nullptr ? t.ids[latent] : t.first + static_cast<std::int32_t>(latent);
  const float factor = t.scale != nullptr ? t.scale[latent] : 1.0f;
  for (; mask != 0; mask &= mask - 1) {
    const std::int64_t r = row + __builtin_ctz(mask);
    const float h = t.product[latent * t.rows + r] + t.bias[latent];
    float room = 0.0f;
    if (t.bounds)
      room = t.bounds.row[0][r] * t.bounds.latent[0][latent] +
             t.bounds.row[1][r] * t.bounds.latent[1][latent] + t.bounds.latent[2][latent];
    const float upper = (h + room) * factor + 0.0f;  // -0 ranks as 0
    const float lower = (h - room) * factor + 0.0f;
    t.found[r * t.capacity + t.count[r]++] = {Candidate::key_of(upper, name), h, lower};
  }
}

// Columns [row, row + n) with n up to a vector; `Whole` says that it is one.
template <bool Whole, bool Bounds>
POLYSEM_INLINE void scan_columns(const ScanTile& t, std::int64_t row, std::int64_t n) {
  const auto get = [n](const float* p) __attribute__((always_inline)) {
    return Whole ? load(p) : load(p, n);
  };
  const V row_bound = t.latent_threshold == nullptr ? get(t.threshold + row) : V{};
  const V factor0 = Bounds ? get(t.bounds.row[0] + row) : V{};
  const V factor1 = Bounds ? get(t.bounds.row[1] + row) : V{};
  const unsigned inside = (1u << n) - 1u;
  V unfit = get(t.unfit + row);
  for (std::int64_t j = 0; j < t.latents; ++j) {
    V h = get(t.product + j * t.rows + row) + t.bias[j];
    if (Bounds)
      h = h + (factor0 * t.bounds.latent[0][j] + factor1 * t.bounds.latent[1][j] + t.bounds.latent[2][j]);
    unfit = unfit + 0.0f * h;  // NaN exactly where h is not finite
    const V rank = t.scale != nullptr ? h * t.scale[j] : h;
    const V bound = t.latent_threshold != nullptr ? splat(t.latent_threshold[j]) : row_bound;
    const unsigned hits = mask_of(rank > bound) & inside;
    if (__builtin_expect(hits != 0, 0)) push(t, j, row, hits);
  }
  if (Whole) {
    store(t.unfit + row, unfit);
  } else {
    store(t.unfit + row, unfit, n);
  }
}

template <bool Bounds>
POLYSEM_INLINE void scan_rows(const ScanTile& tile) {
  std::int64_t row = 0;
  for (; row + kLanes <= tile.rows; row += kLanes) scan_columns<true, Bounds>(tile, row, kLanes);
  if (row < tile.rows) scan_columns<false, Bounds>(tile, row, tile.rows - row);
}

}  // namespace

void scan(const ScanTile& tile) {
  if (tile.bounds) {
    scan_rows<true>(tile);
  } else {
    scan_rows<false>(tile);
  }
}

}  // namespace polysem::onednn::POLYSEM_ISA
