#include "backends/cuda/block.cuh"
#include "backends/cuda/codes.cuh"

namespace polysem::cuda {

namespace {

struct Arguments {
  std::int64_t rows, d_out;
  float scale, penalty;
  Codes codes;
  Floats error, w_dec;
  float* gradient;
};

// A block a row, a warp an entry.
__global__ void sparse_grad_values_kernel(Arguments g) {
  for (std::int64_t r = blockIdx.x; r < g.rows; r += gridDim.x) {
    const std::int64_t begin = g.codes.begin(r), end = g.codes.end(r);
    for (std::int64_t e = begin + warp(); e < end; e += kThreads / kWarp) {
      const std::int64_t latent = g.codes.latent(e);
      float dot = 0.0f;
      for (std::int64_t c = lane(); latent >= 0 && c < g.d_out; c += kWarp)
        dot += g.error(r, c) * g.w_dec(latent, c);
      dot = warp_sum(dot);
      if (lane() == 0) g.gradient[e] = g.codes.values[e] > 0.0f ? g.scale * dot + g.penalty : 0.0f;
    }
  }
}

}  // namespace

void enqueue(const Scope& s, const SparseGradValues& op, const SparseGradValues::Operands& t) {
  launch(s, sparse_grad_values_kernel, blocks_for(op.rows), kThreads,
         Arguments{op.rows, op.d_out, op.scale, op.penalty, Codes::of(op, t), Floats(t.error),
                   Floats(t.w_dec), pointer_of<float>(t.gradient)});
}

}  // namespace polysem::cuda
