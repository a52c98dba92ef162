#include "backends/cuda/codes.cuh"

namespace polysem::cuda {

namespace {

// A block a row: zeros, then the entries.
__global__ void scatter_dense_kernel(std::int64_t rows, std::int64_t latents, Codes codes, Floats out) {
  for (std::int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
    for (std::int64_t j = threadIdx.x; j < latents; j += blockDim.x) out.set(r, j, 0.0f);
    __syncthreads();
    const std::int64_t end = codes.end(r);
    for (std::int64_t e = codes.begin(r) + threadIdx.x; e < end; e += blockDim.x)
      if (const std::int64_t latent = codes.latent(e); latent >= 0) out.set(r, latent, codes.values[e]);
  }
}

}  // namespace

void enqueue(const Scope& s, const ScatterDense& op, const ScatterDense::Operands& t) {
  launch(s, scatter_dense_kernel, blocks_for(op.rows), kThreads, op.rows, op.latents, Codes::of(op, t),
         Floats(t.out));
}

}  // namespace polysem::cuda
