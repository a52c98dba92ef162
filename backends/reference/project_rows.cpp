#include <vector>

#include "backends/reference/ops.hpp"
#include "backends/reference/unit_rows.hpp"

namespace polysem::reference {

void run(const ProjectRows& op, const ProjectRows::Operands& t) {
  const Floats direction(t.direction), gradient(t.gradient);
  std::vector<double> g(static_cast<std::size_t>(op.cols));
  for (std::int64_t r = 0; r < op.rows; ++r) {
    for (std::int64_t c = 0; c < op.cols; ++c) g[static_cast<std::size_t>(c)] = gradient(r, c);
    project(g, direction, r);
    for (std::int64_t c = 0; c < op.cols; ++c) gradient.set(r, c, g[static_cast<std::size_t>(c)]);
  }
}

}  // namespace polysem::reference
