#include <cmath>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

namespace {

double apply(const Elementwise& op, double a, double b) {
  switch (op.kind) {
    case Elementwise::Kind::kCopy:
      return op.alpha * a + op.beta;
    case Elementwise::Kind::kAxpby:
      return op.alpha * a + op.beta * b;
    case Elementwise::Kind::kMul:
      return op.alpha * a * b;
    case Elementwise::Kind::kRelu:
      return a < 0 ? 0 : a;
    case Elementwise::Kind::kSqrt: {
      const double x = op.alpha * a + op.beta;
      return x < 0 ? 0 : std::sqrt(x);
    }
    case Elementwise::Kind::kSiluMul:
      return a / (1 + std::exp(-a)) * b;
    case Elementwise::Kind::kGate:
      return b > 0 ? op.alpha * a + op.beta : 0;
  }
  return 0;
}

}  // namespace

void run(const Elementwise& op, const Elementwise::Operands& t) {
  const Floats a(t.a), b(t.b), out(t.out);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    for (std::int64_t c = 0; c < op.cols; ++c) {
      const double other = b ? b(op.b_rows == 1 ? 0 : r, op.b_cols == 1 ? 0 : c) : 0;
      out.set(r, c, apply(op, a(r, c), other));
    }
  }
}

}  // namespace polysem::reference
