#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

void run(const ScatterRows& op, const ScatterRows::Operands& t) {
  const Floats source(t.source), table(t.table);
  const Integers<std::int32_t> ids(t.ids);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    if (ids[r] < 0 || ids[r] >= op.table_rows) continue;
    for (std::int64_t c = 0; c < op.cols; ++c) table.set(ids[r], c, source(r, c));
  }
}

}  // namespace polysem::reference
