#include "backends/onednn/latent_sums.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

void put(const float* sum, float* to, std::int64_t n, bool accumulate) {
  kernels().elementwise(ElementKind::kAxpby, sum, to, 0.0f, to, n, 1.0f, accumulate ? 1.0f : 0.0f);
}

}  // namespace

void run(Context& context, const LatentGrad& op, const LatentGrad::Operands& t) {
  const SortedCodes codes{data_of<const std::int32_t>(t.begin),      data_of<const std::int32_t>(t.entries),
                          data_of<const std::int32_t>(t.entry_rows), data_of<const float>(t.values),
                          data_of<const float>(t.gradient),          rows_of(t.error)};
  codes.check(op.kName, op.latents, op.rows, op.capacity);
  const LatentSums sums(context, {op.latents, op.d_in, op.d_out}, rows_of(t.x), {{codes, op.decoder_scale}});
  float* g_b = data_of<float>(t.g_b);
  PerThread<float> lines = context.per_thread<float>(op.d_in + op.d_out);
  Context::parallel_ranges(op.latents, 16, [&](std::int64_t first, std::int64_t last) {
    float* g_enc = lines.of(Context::thread());
    float* g_dec = g_enc + op.d_in;
    for (std::int64_t j = first; j < last; ++j) {
      if (!op.accumulate) {
        g_b[j] = sums.sum(j, row_of(t.g_enc, j), row_of(t.g_dec, j));
        continue;
      }
      g_b[j] += sums.sum(j, g_enc, g_dec);
      put(g_enc, row_of(t.g_enc, j), op.d_in, true);
      put(g_dec, row_of(t.g_dec, j), op.d_out, true);
    }
  });
}

}  // namespace polysem::onednn
