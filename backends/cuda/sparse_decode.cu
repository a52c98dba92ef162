#include "backends/cuda/block.cuh"
#include "backends/cuda/codes.cuh"

namespace polysem::cuda {

namespace {

struct Arguments {
  std::int64_t rows, d_out;
  Codes codes;
  Floats w_dec, bias, base, target, output, error;
  float* row_loss;
};

// A block a row, a thread a column; entries in order.
__global__ void sparse_decode_kernel(Arguments g) {
  for (std::int64_t r = blockIdx.x; r < g.rows; r += gridDim.x) {
    const std::int64_t begin = g.codes.begin(r), end = g.codes.end(r);
    float loss = 0.0f;
    for (std::int64_t c = threadIdx.x; c < g.d_out; c += blockDim.x) {
      float y = 0.0f;
#pragma unroll 4
      for (std::int64_t e = begin; e < end; ++e) {
        const std::int64_t latent = g.codes.latent(e);
        if (latent >= 0) y += g.codes.values[e] * g.w_dec(latent, c);
      }
      if (g.bias) y += g.bias[c];
      if (g.base) y += g.base(r, c);
      if (g.output) g.output.set(r, c, y);
      if (!g.target) continue;
      const float difference = y - g.target(r, c);
      loss += difference * difference;
      if (g.error) g.error.set(r, c, difference);
    }
    if (g.row_loss == nullptr) continue;
    loss = block_sum(loss);
    if (threadIdx.x == 0) g.row_loss[r] = loss;
  }
}

}  // namespace

void enqueue(const Scope& s, const SparseDecode& op, const SparseDecode::Operands& t) {
  launch(s, sparse_decode_kernel, blocks_for(op.rows), kThreads,
         Arguments{op.rows, op.d_out, Codes::of(op, t), Floats(t.w_dec), Floats(t.bias), Floats(t.base),
                   Floats(t.target), Floats(t.output), Floats(t.error), pointer_of<float>(t.row_loss)});
}

}  // namespace polysem::cuda
