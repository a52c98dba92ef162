#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

ElementKind kind_of(Elementwise::Kind kind) {
  switch (kind) {
    case Elementwise::Kind::kCopy:
      return ElementKind::kCopy;
    case Elementwise::Kind::kAxpby:
      return ElementKind::kAxpby;
    case Elementwise::Kind::kMul:
      return ElementKind::kMul;
    case Elementwise::Kind::kRelu:
      return ElementKind::kRelu;
    case Elementwise::Kind::kSqrt:
      return ElementKind::kSqrt;
    case Elementwise::Kind::kSiluMul:
      return ElementKind::kSiluMul;
    case Elementwise::Kind::kGate:
      return ElementKind::kGate;
  }
  return ElementKind::kCopy;
}

}  // namespace

void run(Context&, const Elementwise& op, const Elementwise::Operands& t) {
  const RowReader a(t.a), b(t.b);
  const RowWriter out(t.out);
  const ElementKind kind = kind_of(op.kind);
  const auto part = [&](std::int64_t r, std::int64_t c, std::int64_t n) {
    float a_buffer[kChunk], b_buffer[kChunk], out_buffer[kChunk];
    const float* b_line = nullptr;
    float b_value = 0.0f;
    if (b && op.b_cols == 1 && op.cols != 1) {
      b_value = *b.read(op.b_rows == 1 ? 0 : r, 0, 1, b_buffer);
    } else if (b) {
      b_line = b.read(op.b_rows == 1 ? 0 : r, c, n, b_buffer);
    }
    float* to = out.place(r, c, out_buffer);
    kernels().elementwise(kind, a.read(r, c, n, a_buffer), b_line, b_value, to, n, op.alpha, op.beta);
    out.done(r, c, n, to);
  };
  const std::int64_t pieces = (op.cols + kPiece - 1) / kPiece;  // of one row
  Context::parallel_ranges(op.rows * pieces, rows_a_task(op.cols),
                           [&](std::int64_t first, std::int64_t last) {
                             for (std::int64_t i = first; i < last; ++i) {
                               const std::int64_t r = i / pieces, begin = i % pieces * kPiece,
                                                  end = std::min(op.cols, begin + kPiece);
                               for (std::int64_t c = begin; c < end; c += kChunk)
                                 part(r, c, std::min(kChunk, end - c));
                             }
                           });
}

}  // namespace polysem::onednn
