#include "backends/cuda/launch.cuh"

namespace polysem::cuda {

namespace {

struct Arguments {
  Elementwise op;
  Floats a, b, out;
};

__device__ float apply(const Elementwise& op, float a, float b) {
  switch (op.kind) {
    case Elementwise::Kind::kCopy:
      return op.alpha * a + op.beta;
    case Elementwise::Kind::kAxpby:
      return op.alpha * a + op.beta * b;
    case Elementwise::Kind::kMul:
      return op.alpha * a * b;
    case Elementwise::Kind::kRelu:
      return a < 0.0f ? 0.0f : a;
    case Elementwise::Kind::kSqrt: {
      const float x = op.alpha * a + op.beta;
      return x < 0.0f ? 0.0f : sqrtf(x);
    }
    case Elementwise::Kind::kSiluMul:
      return a / (1.0f + expf(-a)) * b;
    case Elementwise::Kind::kGate:
      return b > 0.0f ? op.alpha * a + op.beta : 0.0f;
  }
  return 0.0f;
}

__global__ void elementwise_kernel(Arguments g) {
  const std::int64_t count = g.op.rows * g.op.cols;
  for (std::int64_t i = thread_number(); i < count; i += thread_count()) {
    const Place at = place_of(i, g.op.cols);
    const float b = g.b ? g.b(g.op.b_rows == 1 ? 0 : at.row, g.op.b_cols == 1 ? 0 : at.col) : 0.0f;
    g.out.set(at.row, at.col, apply(g.op, g.a(at.row, at.col), b));
  }
}

}  // namespace

void enqueue(const Scope& s, const Elementwise& op, const Elementwise::Operands& t) {
  launch(s, elementwise_kernel, threads_for(op.rows * op.cols), kThreads,
         Arguments{op, Floats(t.a), Floats(t.b), Floats(t.out)});
}

}  // namespace polysem::cuda
