#include <cmath>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

void run(const RmsNorm& op, const RmsNorm::Operands& t) {
  const Floats x(t.x), weight(t.weight), out(t.out);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    double squares = 0;
    for (std::int64_t c = 0; c < op.cols; ++c) squares += x(r, c) * x(r, c);
    const double root = std::sqrt(squares / static_cast<double>(op.cols) + op.epsilon);
    for (std::int64_t c = 0; c < op.cols; ++c) out.set(r, c, x(r, c) / root * (weight ? weight[c] : 1.0));
  }
}

}  // namespace polysem::reference
