#include <cmath>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context& context, const Rope& op, const Rope::Operands& t) {
  if (op.rotary == 0 || op.heads == 0) return;
  const auto* positions = data_of<const std::int32_t>(t.positions);
  const RowWriter x(t.x);
  const std::int64_t half = op.rotary / 2, cols = op.heads * op.head_dim;
  auto* frequencies = context.scratch.take<double>(half);
  for (std::int64_t i = 0; i < half; ++i)
    frequencies[i] =
        double{op.position_scale} *
        std::pow(double{op.base}, -2.0 * static_cast<double>(i) / static_cast<double>(op.rotary));
  PerThread<float> lines = context.per_thread<float>(cols + 2 * half);
  Context::parallel_ranges(op.rows, 16, [&](std::int64_t first, std::int64_t last) {
    float* buffer = lines.of(Context::thread());
    float* cosine = buffer + cols;
    float* sine = cosine + half;
    for (std::int64_t r = first; r < last; ++r) {
      for (std::int64_t i = 0; i < half; ++i) {
        const double angle = positions[r] * frequencies[i];
        cosine[i] = static_cast<float>(std::cos(angle));
        sine[i] = static_cast<float>(std::sin(angle));
      }
      float* line = x.place(r, 0, buffer);
      x.read(r, 0, cols, buffer);
      kernels().rope(line, cosine, sine, op.heads, op.head_dim, op.rotary, op.interleaved);
      x.done(r, 0, cols, line);
    }
  });
}

}  // namespace polysem::onednn
