#include "backends/cuda/launch.cuh"

namespace polysem::cuda {

namespace {

__global__ void scatter_rows_kernel(ScatterRows op, Floats source, const std::int32_t* ids, Floats table) {
  for (std::int64_t i = thread_number(); i < op.rows * op.cols; i += thread_count()) {
    const Place at = place_of(i, op.cols);
    const std::int64_t id = ids[at.row];
    if (id >= 0 && id < op.table_rows) table.set(id, at.col, source(at.row, at.col));
  }
}

}  // namespace

void enqueue(const Scope& s, const ScatterRows& op, const ScatterRows::Operands& t) {
  launch(s, scatter_rows_kernel, threads_for(op.rows * op.cols), kThreads, op, Floats(t.source),
         pointer_of<const std::int32_t>(t.ids), Floats(t.table));
}

}  // namespace polysem::cuda
