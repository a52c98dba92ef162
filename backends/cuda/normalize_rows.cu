#include "backends/cuda/block.cuh"

namespace polysem::cuda {

namespace {

__global__ void normalize_rows_kernel(NormalizeRows op, Floats matrix) {
  for (std::int64_t r = blockIdx.x; r < op.rows; r += gridDim.x) {
    float squares = 0.0f;
    for (std::int64_t c = threadIdx.x; c < op.cols; c += blockDim.x) squares += matrix(r, c) * matrix(r, c);
    squares = block_sum(squares);
    if (squares == 0.0f) continue;
    const float length = sqrtf(squares);
    for (std::int64_t c = threadIdx.x; c < op.cols; c += blockDim.x) matrix.set(r, c, matrix(r, c) / length);
  }
}

}  // namespace

void enqueue(const Scope& s, const NormalizeRows& op, const NormalizeRows::Operands& t) {
  launch(s, normalize_rows_kernel, blocks_for(op.rows), kThreads, op, Floats(t.matrix));
}

}  // namespace polysem::cuda
