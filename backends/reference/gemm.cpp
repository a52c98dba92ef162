#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

void run(const Gemm& op, const Gemm::Operands& t) {
  const Floats a(t.a), b(t.b), bias(t.bias), c(t.c);
  for (std::int64_t instance = 0; instance < op.batch; ++instance) {
    const std::int64_t a_first = instance * (op.transpose_a ? op.k : op.m);
    const std::int64_t b_first = op.shared_b ? 0 : instance * (op.transpose_b ? op.n : op.k);
    for (std::int64_t i = 0; i < op.m; ++i) {
      for (std::int64_t j = 0; j < op.n; ++j) {
        double sum = 0;
        for (std::int64_t p = 0; p < op.k; ++p) {
          const double left = op.transpose_a ? a(a_first + p, i) : a(a_first + i, p);
          const double right = op.transpose_b ? b(b_first + j, p) : b(b_first + p, j);
          sum += rounded_to(op.precision, left) * rounded_to(op.precision, right);
        }
        const std::int64_t row = instance * op.m + i;
        double value = op.alpha * sum;
        if (op.beta != 0.0f) value += op.beta * c(row, j);  // c may hold anything where beta is 0
        if (bias) value += bias[j];
        if (op.relu && value < 0) value = 0;
        c.set(row, j, value);
      }
    }
  }
}

}  // namespace polysem::reference
