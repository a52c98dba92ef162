#include "backends/onednn/gemm_rows.hpp"

#include "backends/onednn/cpu.hpp"
#include "backends/onednn/matmul.hpp"
#include "backends/onednn/product_input.hpp"

namespace polysem::onednn {

namespace {

// With fewer rows the columns have to be shared out, too.
constexpr std::int64_t kFewestRows = 256;
// Every task reads all of packed B. Up to here that comes out of the last cache.
constexpr std::int64_t kMostPackedBytes = std::int64_t{16} << 20;

// Some 64 tasks, of whole vectors of rows; from 32 rows on the product runs at its full rate.
std::int64_t rows_of_a_task(std::int64_t rows) {
  return std::clamp<std::int64_t>((rows / 64 + 15) / 16 * 16, 32, 128);
}

bool fits(const Gemm& op, const Gemm::Operands& t, bool bf16) {
  if (!buffer_of(t.b).rarely_written() || (op.batch > 1 && !op.shared_b) || op.transpose_a) return false;
  if (op.alpha != 1.0f || op.relu || t.bias || t.c.stride != op.n) return false;
  const bool f32_out = t.c.dtype == DType::kF32;
  if (op.beta != 0.0f && !(op.beta == 1.0f && f32_out)) return false;
  if (!f32_out && !bf16) return false;
  return op.batch * op.m >= kFewestRows && op.n >= 64 && op.n * op.k * (bf16 ? 2 : 4) <= kMostPackedBytes;
}

std::shared_ptr<const AlignedBytes> packed(Context& context, const Gemm& op, const Tensor& b,
                                           const ProductType& type, const Matmul& product) {
  constexpr int kWholeRows = 16;  // beside the kinds of gemm.cpp
  const int kind = kWholeRows + (type.bf16 ? 1 : 0) + (type.round ? 2 : 0) + (op.transpose_b ? 4 : 0) +
                   (b.dtype == DType::kBF16 ? 8 : 0);
  const HostBuffer::Key key{b.offset, op.n, op.k, b.stride, kind};
  return std::static_pointer_cast<const AlignedBytes>(
      buffer_of(b).derived(key, [&]() -> std::shared_ptr<const void> {
        const ProductInput input = product_input(context, b, type, false);
        auto bytes = std::make_shared<AlignedBytes>(product.packed_bytes());
        product.pack(input.data, op.transpose_b ? RightLayout::kTransposed : RightLayout::kPlain, input.ld,
                     bytes->data());
        return bytes;
      }));
}

}  // namespace

bool run_whole_rows(Context& context, const Gemm& op, const Gemm::Operands& t) {
  const ProductType type{op.precision == Precision::kBF16 && cpu().bf16, op.precision == Precision::kBF16};
  if (!fits(op, t, type.bf16)) return false;
  const std::int64_t total = op.batch * op.m, rows = rows_of_a_task(total);
  const ProductInput left = product_input(context, t.a, type, true);
  const auto shape = [&](std::int64_t m) {
    return MatmulShape{.m = m,
                       .n = op.n,
                       .k = op.k,
                       .lda = left.ld,
                       .ldc = op.n,
                       .right = RightLayout::kPacked,
                       .bf16 = type.bf16,
                       .accumulate = op.beta != 0.0f,
                       .bf16_out = t.c.dtype == DType::kBF16};
  };
  const auto product = Matmul::of(shape(rows)),
             last = Matmul::of(shape(total % rows == 0 ? rows : total % rows));
  if (!product->fast() || !last->fast()) return false;
  const auto right = packed(context, op, t.b, type, *product);
  auto* c = data_of<std::byte>(t.c);
  const std::int64_t row_bytes = op.n * static_cast<std::int64_t>(size_of(t.c.dtype));
  const std::int64_t left_bytes = left.ld * (type.bf16 ? 2 : 4);
  Context::parallel((total + rows - 1) / rows, [&](std::int64_t i) {
    const Matmul& part = (i + 1) * rows <= total ? *product : *last;
    part(left.data + i * rows * left_bytes, right->data(), c + i * rows * row_bytes);
  });
  return true;
}

}  // namespace polysem::onednn
