#include "backends/cuda/block.cuh"
#include "backends/cuda/codes.cuh"
#include "backends/cuda/rows.cuh"

namespace polysem::cuda {

namespace {

struct Arguments {
  std::int64_t rows, d_out;
  float scale, penalty;
  Codes codes;
  Rows error;
  Floats w_dec;
  float* gradient;
};

// Lane i's part of error[r] . w_dec[latent]: every 32nd column, the loads of several under way together.
template <DType type>
__device__ float dot_part(const Arguments& g, std::int64_t r, std::int64_t latent) {
  constexpr int kAtOnce = 8;
  const Floats w_dec = of_type<type>(g.w_dec);
  float dot = 0.0f;
  for (std::int64_t first = lane(); first < g.d_out; first += kAtOnce * kWarp) {
    float error[kAtOnce], w[kAtOnce];
#pragma unroll
    for (int q = 0; q < kAtOnce; ++q) {
      const std::int64_t c = first + q * kWarp;
      error[q] = c < g.d_out ? g.error(r, c) : 0.0f;
      w[q] = c < g.d_out ? w_dec(latent, c) : 0.0f;
    }
#pragma unroll
    for (int q = 0; q < kAtOnce; ++q) dot += error[q] * w[q];
  }
  return dot;
}

// A block a row, a warp an entry.
template <DType type>
__global__ void __launch_bounds__(kThreads, 4) sparse_grad_values_kernel(Arguments g) {
  for (std::int64_t r = blockIdx.x; r < g.rows; r += gridDim.x) {
    const std::int64_t begin = g.codes.begin(r), end = g.codes.end(r);
    for (std::int64_t e = begin + warp(); e < end; e += kThreads / kWarp) {
      const std::int64_t latent = g.codes.latent(e);
      const float dot = warp_sum(latent >= 0 ? dot_part<type>(g, r, latent) : 0.0f);
      if (lane() == 0) g.gradient[e] = g.codes.values[e] > 0.0f ? g.scale * dot + g.penalty : 0.0f;
    }
  }
}

}  // namespace

void enqueue(const Scope& s, const SparseGradValues& op, const SparseGradValues::Operands& t) {
  const Arguments g{op.rows,          op.d_out,      op.scale,        op.penalty,
                    Codes::of(op, t), Rows(t.error), Floats(t.w_dec), pointer_of<float>(t.gradient)};
  with_type(t.w_dec, [&](auto type) {
    launch(s, sparse_grad_values_kernel<decltype(type)::value>, blocks_for(op.rows), kThreads, g);
  });
}

}  // namespace polysem::cuda
