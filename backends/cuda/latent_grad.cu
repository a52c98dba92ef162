#include "backends/cuda/latent_list.cuh"

namespace polysem::cuda {

namespace {

constexpr std::int64_t kColumns = 1024;  // that a block sums

// A block a latent and strip of columns.
__global__ void latent_grad_kernel(std::int64_t latents, std::int64_t cols, LatentList list, Floats out,
                                   bool accumulate) {
  __shared__ float sums[kColumns];
  __shared__ StagedEntries staged;
  const std::int64_t strips = (cols + kColumns - 1) / kColumns;
  for (std::int64_t i = blockIdx.x; i < latents * strips; i += gridDim.x) {
    const Place at = place_of(i, strips);
    const std::int64_t column = at.col * kColumns;
    const std::int64_t count = column + kColumns < cols ? kColumns : cols - column;
    for (std::int64_t c = threadIdx.x; c < count; c += kThreads) sums[c] = 0.0f;
    add_latent_sums(list, at.row, column, count, sums, staged);
    for (std::int64_t c = threadIdx.x; c < count; c += kThreads)
      out.set(at.row, column + c, accumulate ? out(at.row, column + c) + sums[c] : sums[c]);
  }
}

}  // namespace

void enqueue(const Scope& s, const LatentGrad& op, const LatentGrad::Operands& t) {
  const LatentList dec(t.begin, t.entries, t.entry_rows, t.values, t.error, op.decoder_scale);
  const LatentList enc(t.begin, t.entries, t.entry_rows, t.gradient, t.x, 1.0f);
  const auto sum = [&](const LatentList& list, const Tensor& out) {
    const std::int64_t strips = (out.cols + kColumns - 1) / kColumns;
    launch(s, latent_grad_kernel, blocks_for(op.latents * strips), kThreads, op.latents, out.cols, list,
           Floats(out), op.accumulate);
  };
  sum(dec, t.g_dec);
  sum(enc, t.g_enc);
  enqueue_weight_sums(s, op.latents, enc, LatentList(), pointer_of<float>(t.g_b), op.accumulate);
}

}  // namespace polysem::cuda
