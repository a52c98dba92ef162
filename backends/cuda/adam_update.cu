#include "backends/cuda/adam.cuh"

namespace polysem::cuda {

namespace {

struct Arguments {
  std::int64_t rows, cols;
  float grad_scale;
  Adam adam;
  Floats gradient, parameter, m, v;
};

__global__ void adam_update_kernel(Arguments g) {
  for (std::int64_t i = thread_number(); i < g.rows * g.cols; i += thread_count()) {
    const Place at = place_of(i, g.cols);
    float m = g.m(at.row, at.col), v = g.v(at.row, at.col);
    const float gradient = g.grad_scale * g.gradient(at.row, at.col);
    const float next = g.adam.step(gradient, g.parameter(at.row, at.col), m, v);
    g.parameter.set(at.row, at.col, next);
    g.m.set(at.row, at.col, m);
    g.v.set(at.row, at.col, v);
  }
}

}  // namespace

void enqueue(const Scope& s, const AdamUpdate& op, const AdamUpdate::Operands& t) {
  launch(s, adam_update_kernel, threads_for(op.rows * op.cols), kThreads,
         Arguments{op.rows, op.cols, op.grad_scale, Adam(op.adam), Floats(t.gradient), Floats(t.parameter),
                   Floats(t.m), Floats(t.v)});
}

}  // namespace polysem::cuda
