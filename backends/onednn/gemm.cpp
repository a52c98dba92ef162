#include <cstring>

#include "backends/onednn/cpu.hpp"
#include "backends/onednn/gemm_rows.hpp"
#include "backends/onednn/matmul.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/product_input.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

// Tile sizes at which oneDNN's product runs at its full rate while A, B and C of a tile stay in the second
// cache.
constexpr std::int64_t kTileRows = 128, kTileCols = 256;

// Columns of one packed piece of B. With AVX-512 the product is as fast on narrow pieces, and a task for a
// few rows of A can be small; other code paths of oneDNN copy A for each piece.
std::int64_t packed_cols() { return cpu().avx512 ? 64 : kTileCols; }

// How C is shared out: a task computes rows x cols of it by products of rows x unit.
struct Tiling {
  std::int64_t rows, cols, unit, row_tiles, col_tiles;

  Tiling(std::int64_t m, std::int64_t n, bool packed) : rows(std::min(m, kTileRows)) {
    row_tiles = (m + rows - 1) / rows;
    const std::int64_t widest = row_tiles == 1 ? 64 : kTileCols;  // with few rows, more columns to share out
    const std::int64_t grain = packed ? packed_cols() : 16;
    const std::int64_t count = (n + widest - 1) / widest;
    cols = std::min(n, ((n + count - 1) / count + grain - 1) / grain * grain);
    unit = packed ? std::min(n, packed_cols()) : cols;
    col_tiles = (n + cols - 1) / cols;
  }
};

// B, ready for the product: packed unit by unit, or the matrix itself.
struct Right {
  const std::byte* data = nullptr;
  std::int64_t ld = 0;
  std::shared_ptr<const AlignedBytes> hold;
  std::int64_t unit_bytes = 0;
};

class Product {
 public:
  Product(Context& context, const Gemm& op, const Gemm::Operands& t)
      : context_(context),
        op_(op),
        t_(t),
        packed_(buffer_of(t.b).rarely_written() && (op.batch == 1 || op.shared_b)),
        tiling_(op.m, op.n, packed_),
        bf16_(op.precision == Precision::kBF16 && cpu().bf16) {}

  void run() {
    const ProductType type{bf16_, op_.precision == Precision::kBF16};
    left_ = product_input(context_, t_.a, type, !op_.transpose_a);
    prepare_right(type);
    // oneDNN 2.6 has its fast products for results without gaps between the rows only.
    direct_ = t_.c.dtype == DType::kF32 && op_.beta == 0.0f && t_.c.stride == op_.n && tiling_.unit == op_.n;
    PerThread<float> tiles = context_.per_thread<float>(direct_ ? 0 : tiling_.rows * tiling_.unit);
    PerThread<float> lines = context_.per_thread<float>(tiling_.unit);
    const std::int64_t tasks = tiling_.row_tiles * tiling_.col_tiles;
    Context::parallel(op_.batch * tasks, [&](std::int64_t i) {
      const int thread = Context::thread();
      task(i / tasks, i % tasks / tiling_.col_tiles, i % tiling_.col_tiles, tiles.of(thread),
           lines.of(thread));
    });
  }

 private:
  MatmulShape shape(std::int64_t rows, std::int64_t cols, std::int64_t ldc) const {
    const RightLayout layout = packed_           ? RightLayout::kPacked
                               : op_.transpose_b ? RightLayout::kTransposed
                                                 : RightLayout::kPlain;
    return {rows, cols, op_.k, left_.ld, packed_ ? 0 : right_.ld, ldc, op_.transpose_a, layout, bf16_};
  }

  // Columns of the product that starts at column `col`.
  std::int64_t columns(std::int64_t col) const { return std::min(tiling_.unit, op_.n - col); }
  std::int64_t element() const { return bf16_ ? 2 : 4; }

  void prepare_right(const ProductType& type) {
    if (!packed_) {
      const ProductInput input = product_input(context_, t_.b, type, op_.transpose_b);
      right_ = {input.data, input.ld, nullptr, 0};
      return;
    }
    const int kind = (type.bf16 ? 1 : 0) + (type.round ? 2 : 0) + (op_.transpose_b ? 4 : 0) +
                     (t_.b.dtype == DType::kBF16 ? 8 : 0);
    const HostBuffer::Key key{t_.b.offset, op_.n, op_.k, t_.b.stride, kind};
    auto bytes = std::static_pointer_cast<const AlignedBytes>(
        buffer_of(t_.b).derived(key, [&] { return std::shared_ptr<const void>(pack(type)); }));
    const std::int64_t units = (op_.n + tiling_.unit - 1) / tiling_.unit;
    right_ = {bytes->data(), 0, bytes, static_cast<std::int64_t>(bytes->size()) / units};
  }

  std::shared_ptr<AlignedBytes> pack(const ProductType& type) const {
    const ProductInput input = product_input(context_, t_.b, type, false);
    const std::int64_t units = (op_.n + tiling_.unit - 1) / tiling_.unit;
    const auto product = [&](std::int64_t col) {
      return Matmul::of(shape(tiling_.rows, columns(col), columns(col)));
    };
    std::size_t unit_bytes =
        std::max(product(0)->packed_bytes(), product((units - 1) * tiling_.unit)->packed_bytes());
    unit_bytes = (unit_bytes + 63) / 64 * 64;
    auto bytes = std::make_shared<AlignedBytes>(unit_bytes * static_cast<std::size_t>(units));
    const RightLayout layout = op_.transpose_b ? RightLayout::kTransposed : RightLayout::kPlain;
    Context::parallel(units, [&](std::int64_t i) {
      const std::int64_t col = i * tiling_.unit, first = col * (op_.transpose_b ? input.ld : 1);
      product(col)->pack(input.data + first * element(), layout, input.ld,
                         bytes->data() + static_cast<std::size_t>(i) * unit_bytes);
    });
    return bytes;
  }

  void task(std::int64_t instance, std::int64_t row_tile, std::int64_t col_tile, float* buffer,
            float* line) const {
    const std::int64_t end = std::min(op_.n, (col_tile + 1) * tiling_.cols);
    for (std::int64_t col = col_tile * tiling_.cols; col < end; col += tiling_.unit)
      tile(instance, row_tile * tiling_.rows, col, buffer, line);
  }

  void tile(std::int64_t instance, std::int64_t row, std::int64_t col, float* buffer, float* line) const {
    const std::int64_t rows = std::min(tiling_.rows, op_.m - row), cols = columns(col);
    const std::int64_t a_row = instance * (op_.transpose_a ? op_.k : op_.m);
    const std::int64_t a = op_.transpose_a ? a_row * left_.ld + row : (a_row + row) * left_.ld;
    const std::int64_t c_row = instance * op_.m + row;
    float* product = direct_ ? row_of(t_.c, c_row) + col : buffer;
    const std::int64_t ldc = direct_ ? t_.c.stride : cols;
    (*Matmul::of(shape(rows, cols, ldc)))(left_.data + a * element(), right_part(instance, col), product);
    if (direct_ && op_.alpha == 1.0f && !t_.bias && !op_.relu) return;
    const RowWriter c(t_.c);
    for (std::int64_t r = 0; r < rows; ++r) {
      float* to = c.place(c_row + r, col, line);
      if (op_.beta != 0.0f) c.read(c_row + r, col, cols, line);
      kernels().epilogue(product + r * ldc, to, t_.bias ? row_of(t_.bias, 0) + col : nullptr, cols, op_.alpha,
                         op_.beta, op_.relu);
      c.done(c_row + r, col, cols, to);
    }
  }

  const std::byte* right_part(std::int64_t instance, std::int64_t col) const {
    if (packed_) return right_.data + col / tiling_.unit * right_.unit_bytes;
    const std::int64_t b_row = op_.shared_b ? 0 : instance * (op_.transpose_b ? op_.n : op_.k);
    return right_.data + (op_.transpose_b ? (b_row + col) * right_.ld : b_row * right_.ld + col) * element();
  }

  Context& context_;
  const Gemm& op_;
  const Gemm::Operands& t_;
  bool packed_;
  Tiling tiling_;
  bool bf16_;
  bool direct_ = false;
  ProductInput left_;
  Right right_;
};

// Without terms in the sum: C = beta C + bias, ReLU.
void run_empty(Context& context, const Gemm& op, const Gemm::Operands& t) {
  const RowWriter c(t.c);
  PerThread<float> zeros = context.per_thread<float>(op.n), lines = context.per_thread<float>(op.n);
  Context::parallel(op.batch * op.m, [&](std::int64_t r) {
    float* zero = zeros.of(Context::thread());
    float* line = lines.of(Context::thread());
    std::memset(zero, 0, static_cast<std::size_t>(op.n) * sizeof(float));
    float* to = c.place(r, 0, line);
    if (op.beta != 0.0f) c.read(r, 0, op.n, line);
    kernels().epilogue(zero, to, row_of(t.bias, 0), op.n, op.alpha, op.beta, op.relu);
    c.done(r, 0, op.n, to);
  });
}

}  // namespace

void run(Context& context, const Gemm& op, const Gemm::Operands& t) {
  if (op.m == 0 || op.n == 0 || op.batch == 0) return;
  if (op.k == 0) return run_empty(context, op, t);
  if (run_whole_rows(context, op, t)) return;
  Product(context, op, t).run();
}

}  // namespace polysem::onednn
