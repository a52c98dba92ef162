#include "backends/reference/ops.hpp"
#include "backends/reference/softmax.hpp"

namespace polysem::reference {

void run(const CrossEntropy& op, const CrossEntropy::Operands& t) {
  const Floats logits(t.logits), loss(t.loss);
  const Integers<std::int32_t> targets(t.targets);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    const bool inside = targets[r] >= 0 && targets[r] < op.classes;
    loss.set(r, inside ? log_sum_exp(logits, r, op.classes) - logits(r, targets[r]) : 0.0);
  }
}

}  // namespace polysem::reference
