#include "backends/onednn/ops.hpp"
#include "backends/onednn/unit_rows.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context&, const NormalizeRows& op, const NormalizeRows::Operands& t) {
  Context::parallel_ranges(op.rows, rows_a_task(op.cols), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) normalize(row_of(t.matrix, r), op.cols);
  });
}

}  // namespace polysem::onednn
