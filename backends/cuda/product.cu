#include "backends/cuda/launch.cuh"
#include "backends/cuda/lt_product.hpp"
#include "backends/cuda/product.hpp"

namespace polysem::cuda {

namespace {

struct Arguments {
  Gemm op;
  Floats a, b, bias, c;
};

// A tile of C a block, 4 x 4 of its elements a thread; sums run in the order of k.
constexpr unsigned kTile = 64, kDepth = 16, kEach = 4, kSide = kTile / kEach;
static_assert(kSide * kSide == kThreads);

__global__ void product_kernel(Arguments g) {
  __shared__ float left[kDepth][kTile + 1], right[kDepth][kTile + 1];
  const Gemm& op = g.op;
  const std::int64_t across = (op.n + kTile - 1) / kTile, down = (op.m + kTile - 1) / kTile;
  const unsigned x = threadIdx.x % kSide, y = threadIdx.x / kSide;
  for (std::int64_t tile = blockIdx.x; tile < across * down * op.batch; tile += gridDim.x) {
    const std::int64_t instance = tile / (across * down), rest = tile % (across * down);
    const std::int64_t row = rest / across * kTile, col = rest % across * kTile;
    const std::int64_t a_first = instance * (op.transpose_a ? op.k : op.m);
    const std::int64_t b_first = op.shared_b ? 0 : instance * (op.transpose_b ? op.n : op.k);
    float sums[kEach][kEach] = {};
    for (std::int64_t depth = 0; depth < op.k; depth += kDepth) {
      for (unsigned i = threadIdx.x; i < kTile * kDepth; i += kThreads) {
        // Neighbouring threads read neighbouring elements of the stored matrices.
        const unsigned pa = op.transpose_a ? i / kTile : i % kDepth,
                       at = op.transpose_a ? i % kTile : i / kDepth;
        const unsigned pb = op.transpose_b ? i % kDepth : i / kTile,
                       bt = op.transpose_b ? i / kDepth : i % kTile;
        const std::int64_t r = row + at, c = col + bt, ka = depth + pa, kb = depth + pb;
        left[pa][at] =
            r < op.m && ka < op.k ? op.transpose_a ? g.a(a_first + ka, r) : g.a(a_first + r, ka) : 0.0f;
        right[pb][bt] =
            c < op.n && kb < op.k ? op.transpose_b ? g.b(b_first + c, kb) : g.b(b_first + kb, c) : 0.0f;
      }
      __syncthreads();
      // Unrolled, so that the sums stay in registers.
#pragma unroll
      for (unsigned p = 0; p < kDepth; ++p) {
#pragma unroll
        for (unsigned i = 0; i < kEach; ++i)
#pragma unroll
          for (unsigned j = 0; j < kEach; ++j) sums[i][j] += left[p][y + i * kSide] * right[p][x + j * kSide];
      }
      __syncthreads();
    }
#pragma unroll
    for (unsigned i = 0; i < kEach; ++i) {
#pragma unroll
      for (unsigned j = 0; j < kEach; ++j) {
        const std::int64_t r = row + y + i * kSide, c = col + x + j * kSide;
        if (r >= op.m || c >= op.n) continue;
        float value = op.alpha * sums[i][j];
        if (op.beta != 0.0f) value += op.beta * g.c(instance * op.m + r, c);
        if (g.bias) value += g.bias[c];
        if (op.relu && value < 0.0f) value = 0.0f;
        g.c.set(instance * op.m + r, c, value);
      }
    }
  }
}

// Bias and ReLU, where the library has written the rest.
__global__ void epilogue_kernel(std::int64_t rows, std::int64_t cols, bool relu, Floats bias, Floats c) {
  for (std::int64_t i = thread_number(); i < rows * cols; i += thread_count()) {
    const Place at = place_of(i, cols);
    float value = c(at.row, at.col);
    if (bias) value += bias[at.col];
    if (relu && value < 0.0f) value = 0.0f;
    c.set(at.row, at.col, value);
  }
}

}  // namespace

std::uint64_t product_input_bytes(std::int64_t rows, std::int64_t cols, Precision precision) {
  return storage_type(precision) != DType::kF32 ? matrix_part(rows, cols, 2) : 0;
}

Tensor product_input(const Scope& s, const Tensor& t, Precision precision) {
  const DType wanted = storage_type(precision);
  if (wanted == DType::kF32 || t.dtype == wanted) return t;
  const Tensor copy = s.workspace.matrix(t.rows, t.cols, wanted);
  enqueue(s, Elementwise{.rows = t.rows, .cols = t.cols}, {.a = t, .b = {}, .out = copy});
  return copy;
}

void multiply(const Scope& s, const Gemm& op, const Gemm::Operands& t) {
  if (op.m == 0 || op.n == 0 || op.batch == 0) return;
  // A bf16 or f16 result is rounded once: bias comes before that.
  const bool epilogue_may_follow = t.c.dtype == DType::kF32 || !t.bias;
  if (epilogue_may_follow && lt_product(s.stream, op, t)) {
    if (t.bias || op.relu)
      launch(s, epilogue_kernel, threads_for(op.batch * op.m * op.n), kThreads, op.batch * op.m, op.n,
             op.relu, Floats(t.bias), Floats(t.c));
    return;
  }
  const std::int64_t tiles = (op.n + kTile - 1) / kTile * ((op.m + kTile - 1) / kTile) * op.batch;
  launch(s, product_kernel, blocks_for(tiles), kThreads,
         Arguments{op, Floats(t.a), Floats(t.b), Floats(t.bias), Floats(t.c)});
}

}  // namespace polysem::cuda
