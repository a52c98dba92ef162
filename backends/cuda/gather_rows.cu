#include "backends/cuda/launch.cuh"

namespace polysem::cuda {

namespace {

__global__ void gather_rows_kernel(GatherRows op, Floats table, const std::int32_t* ids, Floats out) {
  for (std::int64_t i = thread_number(); i < op.rows * op.cols; i += thread_count()) {
    const Place at = place_of(i, op.cols);
    const std::int64_t id = ids[at.row];
    out.set(at.row, at.col, id >= 0 && id < op.table_rows ? table(id, at.col) : 0.0f);
  }
}

}  // namespace

void enqueue(const Scope& s, const GatherRows& op, const GatherRows::Operands& t) {
  launch(s, gather_rows_kernel, threads_for(op.rows * op.cols), kThreads, op, Floats(t.table),
         pointer_of<const std::int32_t>(t.ids), Floats(t.out));
}

}  // namespace polysem::cuda
