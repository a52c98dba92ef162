#include "backends/cuda/block.cuh"

namespace polysem::cuda {

namespace {

__global__ void project_rows_kernel(ProjectRows op, Floats direction, Floats gradient) {
  for (std::int64_t r = blockIdx.x; r < op.rows; r += gridDim.x) {
    float along = 0.0f;
    for (std::int64_t c = threadIdx.x; c < op.cols; c += blockDim.x)
      along += gradient(r, c) * direction(r, c);
    along = block_sum(along);
    for (std::int64_t c = threadIdx.x; c < op.cols; c += blockDim.x)
      gradient.set(r, c, gradient(r, c) - along * direction(r, c));
  }
}

}  // namespace

void enqueue(const Scope& s, const ProjectRows& op, const ProjectRows::Operands& t) {
  launch(s, project_rows_kernel, blocks_for(op.rows), kThreads, op, Floats(t.direction), Floats(t.gradient));
}

}  // namespace polysem::cuda
