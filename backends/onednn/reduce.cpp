#include <cmath>
#include <limits>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

constexpr std::int64_t kPart = 4096;    // elements that one f32 sum takes in
constexpr std::int64_t kRowBlock = 64;  // rows that one partial sum of columns takes in
constexpr std::int64_t kColumnBlock = 512;

ReduceKind kind_of(Reduce::Kind kind) {
  switch (kind) {
    case Reduce::Kind::kSum:
      return ReduceKind::kSum;
    case Reduce::Kind::kSumSquares:
      return ReduceKind::kSumSquares;
    case Reduce::Kind::kDot:
      return ReduceKind::kDot;
    case Reduce::Kind::kSquaredDistance:
      return ReduceKind::kSquaredDistance;
    case Reduce::Kind::kMax:
      return ReduceKind::kMax;
  }
  return ReduceKind::kSum;
}

double joined(ReduceKind kind, double total, double part) {
  if (kind != ReduceKind::kMax) return total + part;
  return part > total || std::isnan(part) ? part : total;
}

double start_of(ReduceKind kind) {
  return kind == ReduceKind::kMax ? -std::numeric_limits<double>::infinity() : 0.0;
}

// Parts of rows are summed in f32 on their own, then added up in double in order.
void along_rows(Context& context, const Reduce& op, const Reduce::Operands& t) {
  const ReduceKind kind = kind_of(op.kind);
  const std::int64_t parts = std::max<std::int64_t>(1, (op.cols + kPart - 1) / kPart);
  auto* partial = context.scratch.take<float>(op.rows * parts);
  Context::parallel_ranges(
      op.rows * parts, rows_a_task(std::min(op.cols, kPart)), [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) {
          const std::int64_t r = i / parts, c = i % parts * kPart;
          const float* b = t.b ? row_of(t.b, op.b_rows == 1 ? 0 : r) + c : nullptr;
          partial[i] = kernels().reduce(kind, row_of(t.a, r) + c, b, std::min(kPart, op.cols - c));
        }
      });
  float* out = row_of(t.out, 0);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    double total = start_of(kind);
    for (std::int64_t p = 0; p < parts; ++p) total = joined(kind, total, double{partial[r * parts + p]});
    out[r] = static_cast<float>(op.accumulate ? total + double{out[r]} : total);
  }
}

void along_columns(Context& context, const Reduce& op, const Reduce::Operands& t) {
  const ReduceKind kind = kind_of(op.kind);
  const std::int64_t blocks = (op.rows + kRowBlock - 1) / kRowBlock;
  const std::int64_t strips = (op.cols + kColumnBlock - 1) / kColumnBlock;
  auto* partial = context.scratch.take<float>(blocks * op.cols);
  Context::parallel(blocks * strips, [&](std::int64_t i) {
    const std::int64_t block = i / strips, c = i % strips * kColumnBlock,
                       n = std::min(kColumnBlock, op.cols - c);
    float* sums = partial + block * op.cols + c;
    std::fill_n(sums, n, static_cast<float>(start_of(kind)));
    for (std::int64_t r = block * kRowBlock; r < std::min(op.rows, (block + 1) * kRowBlock); ++r)
      kernels().reduce_into(kind, row_of(t.a, r) + c,
                            t.b ? row_of(t.b, op.b_rows == 1 ? 0 : r) + c : row_of(t.a, r) + c, sums, n);
  });
  float* out = row_of(t.out, 0);
  Context::parallel_ranges(op.cols, kColumnBlock, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c) {
      double total = start_of(kind);
      for (std::int64_t b = 0; b < blocks; ++b) total = joined(kind, total, double{partial[b * op.cols + c]});
      out[c] = static_cast<float>(op.accumulate ? total + double{out[c]} : total);
    }
  });
}

}  // namespace

void run(Context& context, const Reduce& op, const Reduce::Operands& t) {
  if (op.along == Reduce::Along::kRows) return along_rows(context, op, t);
  along_columns(context, op, t);
}

}  // namespace polysem::onednn
