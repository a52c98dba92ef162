#include "backends/reference/ops.hpp"
#include "backends/reference/unit_rows.hpp"

namespace polysem::reference {

void run(const NormalizeRows& op, const NormalizeRows::Operands& t) {
  const Floats matrix(t.matrix);
  for (std::int64_t r = 0; r < op.rows; ++r) normalize(matrix, r, op.cols);
}

}  // namespace polysem::reference
