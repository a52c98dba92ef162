#include "backends/onednn/codes.hpp"
#include "backends/onednn/latent_blocks.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context& context, const SparseDecode& op, const SparseDecode::Operands& t) {
  const Codes codes(op, t);
  const Rows w_dec = rows_of(t.w_dec);
  // Sums grow block by block, in scratch memory: an output may be absent.
  auto* sums = context.scratch.take<float>(op.rows * op.d_out);
  for_latent_blocks(
      op.rows, op.latents, op.d_out * (w_dec.bf16 ? 2 : 4),
      [&](std::int64_t r, std::int64_t from, std::int64_t latent) { return codes.end_of(r, from, latent); },
      [&](std::int64_t r, std::int64_t from, std::int64_t to) {
        const std::int64_t begin = codes.begin(r) + from;
        kernels().weighted_rows(codes.values() + begin, codes.ids() + begin, to - from, w_dec,
                                sums + r * op.d_out, op.d_out, from > 0);
      });
  float* row_loss = data_of<float>(t.row_loss);
  Context::parallel_ranges(op.rows, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      float* y = sums + r * op.d_out;
      if (codes.begin(r) == codes.end(r)) std::fill_n(y, op.d_out, 0.0f);
      const DecodeRow row{row_of(t.bias, 0), row_of(t.base, r), row_of(t.target, r), row_of(t.output, r),
                          row_of(t.error, r)};
      const float loss = kernels().finish_decode(y, row, op.d_out);
      if (row_loss != nullptr) row_loss[r] = loss;
    }
  });
}

}  // namespace polysem::onednn
