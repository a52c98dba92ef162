#include "backends/onednn/codes.hpp"
#include "backends/onednn/latent_blocks.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context&, const SparseGradValues& op, const SparseGradValues::Operands& t) {
  const Codes codes(op, t);
  const Rows w_dec = rows_of(t.w_dec);
  float* gradient = data_of<float>(t.gradient);
  const std::int32_t* ids = codes.ids();
  for_latent_blocks(
      op.rows, op.latents, op.d_out * (w_dec.bf16 ? 2 : 4),
      [&](std::int64_t r, std::int64_t from, std::int64_t latent) { return codes.end_of(r, from, latent); },
      [&](std::int64_t r, std::int64_t from, std::int64_t to) {
        const std::int64_t begin = codes.begin(r) + from, count = to - from;
        const float* values = codes.values() + begin;
        float* out = gradient + begin;
        kernels().dots(row_of(t.error, r), w_dec, values, ids + begin, count, out, op.d_out);
        for (std::int64_t i = 0; i < count; ++i)
          out[i] = values[i] > 0.0f ? out[i] * op.scale + op.penalty : 0.0f;
      });
}

}  // namespace polysem::onednn
