#include "backends/onednn/ops.hpp"
#include "backends/onednn/unit_rows.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context&, const ProjectRows& op, const ProjectRows::Operands& t) {
  Context::parallel_ranges(op.rows, rows_a_task(op.cols), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r)
      project(row_of(t.gradient, r), row_of(t.direction, r), op.cols);
  });
}

}  // namespace polysem::onednn
