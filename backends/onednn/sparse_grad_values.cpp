#include "backends/onednn/codes.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context&, const SparseGradValues& op, const SparseGradValues::Operands& t) {
  const Codes codes(op, t);
  const Rows w_dec = rows_of(t.w_dec);
  float* gradient = data_of<float>(t.gradient);
  Context::parallel_ranges(op.rows, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      const std::int64_t begin = codes.begin(r), count = codes.end(r) - begin;
      float* to = gradient + begin;
      kernels().dots(row_of(t.error, r), w_dec, codes.values() + begin, codes.ids() + begin, count, to,
                     op.d_out);
      const float* values = codes.values() + begin;
      for (std::int64_t i = 0; i < count; ++i)
        to[i] = values[i] > 0.0f ? to[i] * op.scale + op.penalty : 0.0f;
    }
  });
}

}  // namespace polysem::onednn
