#include "backends/cuda/instances.cuh"
#include "backends/cuda/product.hpp"

namespace polysem::cuda {

namespace {

struct Arguments {
  TiedGrad op;
  Rows w, noise, grad;
  Rows hidden;        // w + noise; w itself without
  Rows pairs;         // [instances features, features]: z, then its gradient
  float* row_losses;  // [instances features]
  float* loss;
};

__global__ void tied_hidden_kernel(Arguments g) {
  const std::int64_t count = g.op.instances * g.op.features * g.op.neurons;
  for (std::int64_t e = thread_number(); e < count; e += thread_count()) {
    const Place at = place_of(e, g.op.neurons);
    g.hidden(at.row, at.col) = g.w(at.row, at.col) + g.noise(place_of(at.row, g.op.features).row, at.col);
  }
}

// A block a row: the gradient of its z, and what the row adds to the loss.
__global__ void tied_pairs_kernel(Arguments g) {
  for (std::int64_t row = blockIdx.x; row < g.op.instances * g.op.features; row += gridDim.x) {
    const std::int64_t i = place_of(row, g.op.features).col;
    float squares = 0.0f, weights = 0.0f;
    for (std::int64_t j = threadIdx.x; j < g.op.features; j += blockDim.x) {
      const float z = g.pairs(row, j), slope = z > 0.0f ? 1.0f : g.op.negative_slope;
      const float error = slope * z - (i == j ? 1.0f : 0.0f);
      squares += error * error;
      g.pairs(row, j) = 2.0f * error * slope;
    }
    for (std::int64_t k = threadIdx.x; k < g.op.neurons; k += blockDim.x) weights += fabsf(g.w(row, k));
    squares = block_sum(squares);
    weights = block_sum(weights);
    if (threadIdx.x == 0) g.row_losses[row] = squares + g.op.l1 * weights;
  }
}

__global__ void tied_l1_kernel(Arguments g) {
  const std::int64_t count = g.op.instances * g.op.features * g.op.neurons;
  for (std::int64_t e = thread_number(); e < count; e += thread_count()) {
    const Place at = place_of(e, g.op.neurons);
    const float w = g.w(at.row, at.col);
    g.grad(at.row, at.col) += g.op.l1 * (w > 0.0f ? 1.0f : w < 0.0f ? -1.0f : 0.0f);
  }
}

// A block an instance.
__global__ void tied_loss_kernel(Arguments g) {
  for (std::int64_t i = blockIdx.x; i < g.op.instances; i += gridDim.x) {
    const float loss = block_sum_of(g.row_losses + i * g.op.features, g.op.features);
    if (threadIdx.x == 0) g.loss[i] = loss;
  }
}

std::int64_t step_of(const TiedGrad& op) {
  return instances_at_once(op.instances, op.features * std::max(op.features, op.neurons));
}

/// What passes between kernels, for as many instances as go at once.
struct Between {
  Tensor hidden, pairs;
  float* row_losses;
};

// With h = w + noise: z = h w^T, and of its gradient b comes that of w, b w + b^T h.
void enqueue_part(const Scope& s, const TiedGrad& op, const TiedGrad::Operands& t, const Between& between) {
  const std::int64_t rows = op.instances * op.features;
  const Tensor hidden = t.noise ? between.hidden.row_range(0, rows) : t.w,
               pairs = between.pairs.row_range(0, rows);
  const Arguments g{op,           Rows(t.w),   Rows(t.noise),      Rows(t.grad),
                    Rows(hidden), Rows(pairs), between.row_losses, pointer_of<float>(t.loss)};
  const dim3 weights = threads_for(rows * op.neurons);
  if (t.noise) launch(s, tied_hidden_kernel, weights, kThreads, g);

  Gemm product{.m = op.features, .n = op.features, .k = op.neurons, .batch = op.instances};
  product.transpose_b = true;
  multiply(s, product, {.a = hidden, .b = t.w, .bias = {}, .c = pairs});
  launch(s, tied_pairs_kernel, blocks_for(rows), kThreads, g);

  product = {.m = op.features, .n = op.neurons, .k = op.features, .batch = op.instances};
  multiply(s, product, {.a = pairs, .b = t.w, .bias = {}, .c = t.grad});
  product.transpose_a = true, product.beta = 1.0f;
  multiply(s, product, {.a = pairs, .b = hidden, .bias = {}, .c = t.grad});
  if (op.l1 != 0.0f) launch(s, tied_l1_kernel, weights, kThreads, g);
  launch(s, tied_loss_kernel, blocks_for(op.instances), kThreads, g);
}

}  // namespace

std::uint64_t workspace_of(const TiedGrad& op) {
  const std::int64_t rows = step_of(op) * op.features;
  return matrix_part(rows, op.neurons) + matrix_part(rows, op.features) + workspace_part(rows * 4);
}

Support limits_of(const TiedGrad& op) {
  return instance_fits(op.features, std::max(op.features, op.neurons));
}

void enqueue(const Scope& s, const TiedGrad& op, const TiedGrad::Operands& t) {
  const std::int64_t step = step_of(op), rows = step * op.features;
  Between between{};
  between.pairs = s.workspace.matrix(rows, op.features);
  if (t.noise) between.hidden = s.workspace.matrix(rows, op.neurons);
  between.row_losses = s.workspace.take<float>(rows);
  each_part(op.instances, step, [&](std::int64_t first, std::int64_t count) {
    TiedGrad part = op;
    part.instances = count;
    enqueue_part(s, part,
                 {.w = part_of(t.w, op.features, first, count),
                  .noise = part_of(t.noise, 1, first, count),
                  .loss = t.loss.col_range(first, count),
                  .grad = part_of(t.grad, op.features, first, count)},
                 between);
  });
}

}  // namespace polysem::cuda
