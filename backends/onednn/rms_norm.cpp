#include <cmath>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context& context, const RmsNorm& op, const RmsNorm::Operands& t) {
  const RowReader x(t.x);
  const RowWriter out(t.out);
  PerThread<float> lines = context.per_thread<float>(2 * op.cols);
  Context::parallel_ranges(op.rows, rows_a_task(op.cols), [&](std::int64_t first, std::int64_t last) {
    float* buffer = lines.of(Context::thread());
    for (std::int64_t r = first; r < last; ++r) {
      const float* line = x.read(r, 0, op.cols, buffer);
      const double squares = kernels().reduce(ReduceKind::kSumSquares, line, nullptr, op.cols);
      const double mean = squares / static_cast<double>(op.cols);
      const auto factor = static_cast<float>(1.0 / std::sqrt(mean + double{op.epsilon}));
      float* to = out.place(r, 0, buffer + op.cols);
      kernels().elementwise(ElementKind::kMul, line, t.weight ? row_of(t.weight, 0) : nullptr, 1.0f, to,
                            op.cols, factor, 0.0f);
      out.done(r, 0, op.cols, to);
    }
  });
}

}  // namespace polysem::onednn
