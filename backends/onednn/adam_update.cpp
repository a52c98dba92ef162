#include "backends/onednn/adam_step.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context&, const AdamUpdate& op, const AdamUpdate::Operands& t) {
  const AdamConstants step = adam_constants(op.adam, op.grad_scale);
  const std::int64_t pieces = (op.cols + kPiece - 1) / kPiece;
  Context::parallel_ranges(
      op.rows * pieces, rows_a_task(op.cols), [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) {
          const std::int64_t r = i / pieces, c = i % pieces * kPiece;
          kernels().adam(step, row_of(t.gradient, r) + c, row_of(t.parameter, r) + c, row_of(t.m, r) + c,
                         row_of(t.v, r) + c, std::min(kPiece, op.cols - c));
        }
      });
}

}  // namespace polysem::onednn
