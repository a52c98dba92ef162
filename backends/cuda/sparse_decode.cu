#include "backends/cuda/block.cuh"
#include "backends/cuda/codes.cuh"
#include "backends/cuda/rows.cuh"

namespace polysem::cuda {

namespace {

struct Arguments {
  std::int64_t rows, d_out;
  Codes codes;
  Floats w_dec;
  const float* bias;
  Rows base, target, output, error;
  float* row_loss;
};

constexpr int kEach = 4;  // columns that a thread sums at a time, so that many loads are under way

// Columns of a row that a thread sums, blockDim apart; `whole` where none of them lies beyond the row.
// Entries in order, without branches: loads of several are under way together.
template <DType type, bool whole>
__device__ void decode(const Arguments& g, std::int64_t r, std::int64_t first, float (&y)[kEach]) {
  const Floats w_dec = of_type<type>(g.w_dec);
  const std::int64_t end = g.codes.latents > 0 ? g.codes.end(r) : 0;
#pragma unroll 4
  for (std::int64_t e = g.codes.begin(r); e < end; ++e) {
    const std::int64_t latent = g.codes.latent(e), row = latent < 0 ? 0 : latent;
    const float value = g.codes.values[e];
#pragma unroll
    for (int q = 0; q < kEach; ++q) {
      const std::int64_t c = first + q * blockDim.x;
      const float w = whole || c < g.d_out ? w_dec(row, c) : 0.0f;
      y[q] = latent < 0 ? y[q] : y[q] + value * w;
    }
  }
}

// What goes with one element of y; gives its loss.
__device__ float finish(const Arguments& g, std::int64_t r, std::int64_t c, float y) {
  if (g.bias != nullptr) y += g.bias[c];
  if (g.base) y += g.base(r, c);
  if (g.output) g.output(r, c) = y;
  if (!g.target) return 0.0f;
  const float difference = y - g.target(r, c);
  if (g.error) g.error(r, c) = difference;
  return difference * difference;
}

// A block a row.
template <DType type>
__global__ void __launch_bounds__(kThreads, 4) sparse_decode_kernel(Arguments g) {
  for (std::int64_t r = blockIdx.x; r < g.rows; r += gridDim.x) {
    float loss = 0.0f;
    for (std::int64_t c = threadIdx.x; c < g.d_out; c += kEach * blockDim.x) {
      float y[kEach] = {};
      if (c + (kEach - 1) * blockDim.x < g.d_out) {
        decode<type, true>(g, r, c, y);
      } else {
        decode<type, false>(g, r, c, y);
      }
#pragma unroll
      for (int q = 0; q < kEach; ++q)
        if (c + q * blockDim.x < g.d_out) loss += finish(g, r, c + q * blockDim.x, y[q]);
    }
    if (g.row_loss == nullptr) continue;
    loss = block_sum(loss);
    if (threadIdx.x == 0) g.row_loss[r] = loss;
  }
}

// As many as have whole columns, where rows are not longer than a block reads at once.
unsigned threads_for_row(std::int64_t cols) {
  const std::int64_t warps = (cols + kEach * kWarp - 1) / (kEach * kWarp);
  return static_cast<unsigned>(std::clamp<std::int64_t>(warps * kWarp, kWarp, kThreads));
}

}  // namespace

void enqueue(const Scope& s, const SparseDecode& op, const SparseDecode::Operands& t) {
  const Arguments g{
      op.rows,      op.d_out,       Codes::of(op, t), Floats(t.w_dec), pointer_of<const float>(t.bias),
      Rows(t.base), Rows(t.target), Rows(t.output),   Rows(t.error),   pointer_of<float>(t.row_loss)};
  with_type(t.w_dec, [&](auto type) {
    launch(s, sparse_decode_kernel<decltype(type)::value>, blocks_for(op.rows), threads_for_row(op.d_out), g);
  });
}

}  // namespace polysem::cuda
