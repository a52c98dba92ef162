#include "backends/reference/adam_step.hpp"
#include "backends/reference/ops.hpp"

namespace polysem::reference {

void run(const AdamUpdate& op, const AdamUpdate::Operands& t) {
  const Floats gradient(t.gradient), parameter(t.parameter), m(t.m), v(t.v);
  const AdamStepper adam(op.adam);
  for (std::int64_t r = 0; r < op.rows; ++r)
    for (std::int64_t c = 0; c < op.cols; ++c)
      adam.apply(op.grad_scale * gradient(r, c), parameter, m, v, r, c);
}

}  // namespace polysem::reference
