#include "backends/onednn/codes.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context& context, const SparseDecode& op, const SparseDecode::Operands& t) {
  const Codes codes(op, t);
  const Rows w_dec = rows_of(t.w_dec);
  float* row_loss = data_of<float>(t.row_loss);
  PerThread<float> lines = context.per_thread<float>(op.d_out);
  Context::parallel_ranges(op.rows, 16, [&](std::int64_t first, std::int64_t last) {
    float* y = lines.of(Context::thread());
    for (std::int64_t r = first; r < last; ++r) {
      const std::int64_t begin = codes.begin(r);
      kernels().weighted_rows(codes.values() + begin, codes.ids() + begin, codes.end(r) - begin, w_dec, y,
                              op.d_out, false);
      const DecodeRow row{row_of(t.bias, 0), row_of(t.base, r), row_of(t.target, r), row_of(t.output, r),
                          row_of(t.error, r)};
      const float loss = kernels().finish_decode(y, row, op.d_out);
      if (row_loss != nullptr) row_loss[r] = loss;
    }
  });
}

}  // namespace polysem::onednn
