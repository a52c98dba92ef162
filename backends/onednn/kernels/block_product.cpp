#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

namespace {

// As many sums as registers hold, with room for one row of b and one broadcast of a.
constexpr int kRowTile = kLanes == 16 ? 6 : kLanes == 8 ? 4 : 2;
constexpr int kVectorTile = kLanes == 16 ? 4 : kLanes == 8 ? 2 : 4;

struct Product {
  const float* a;
  std::int64_t lda;
  const float* b;
  std::int64_t ldb;
  float* c;
  std::int64_t ldc;
  std::int64_t k;
  bool accumulate;
};

template <int RowCount, int Vectors>
POLYSEM_INLINE void tile(const Product& p, std::int64_t row, std::int64_t col) {
  V acc[RowCount][Vectors];
  float* c = p.c + row * p.ldc + col;
  const float* a = p.a + row * p.lda;
  const float* b = p.b + col;
  for (int r = 0; r < RowCount; ++r)
    for (int v = 0; v < Vectors; ++v) acc[r][v] = p.accumulate ? load(c + r * p.ldc + v * kLanes) : V{};
  for (std::int64_t i = 0; i < p.k; ++i, b += p.ldb) {
    V line[Vectors];
    for (int v = 0; v < Vectors; ++v) line[v] = load(b + v * kLanes);
    for (int r = 0; r < RowCount; ++r)
      for (int v = 0; v < Vectors; ++v) acc[r][v] = acc[r][v] + a[r * p.lda + i] * line[v];
  }
  for (int r = 0; r < RowCount; ++r)
    for (int v = 0; v < Vectors; ++v) store(c + r * p.ldc + v * kLanes, acc[r][v]);
}

template <int Vectors>
POLYSEM_INLINE void column_panel(const Product& p, std::int64_t m, std::int64_t col) {
  std::int64_t row = 0;
  for (; row + kRowTile <= m; row += kRowTile) tile<kRowTile, Vectors>(p, row, col);
  for (; row < m; ++row) tile<1, Vectors>(p, row, col);
}

}  // namespace

void block_product(const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float* c,
                   std::int64_t ldc, std::int64_t m, std::int64_t n, std::int64_t k, bool accumulate) {
  const Product p{a, lda, b, ldb, c, ldc, k, accumulate};
  std::int64_t col = 0;
  for (; col + kVectorTile * kLanes <= n; col += kVectorTile * kLanes) column_panel<kVectorTile>(p, m, col);
  for (; col + kLanes <= n; col += kLanes) column_panel<1>(p, m, col);
}

}  // namespace polysem::onednn::POLYSEM_ISA
