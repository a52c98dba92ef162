#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

void run(const GatherRows& op, const GatherRows::Operands& t) {
  const Floats table(t.table), out(t.out);
  const Integers<std::int32_t> ids(t.ids);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    const bool inside = ids[r] >= 0 && ids[r] < op.table_rows;
    for (std::int64_t c = 0; c < op.cols; ++c) out.set(r, c, inside ? table(ids[r], c) : 0.0);
  }
}

}  // namespace polysem::reference
