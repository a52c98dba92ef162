#include "backends/reference/ops.hpp"
#include "backends/reference/softmax.hpp"

namespace polysem::reference {

void run(const KlDivergence& op, const KlDivergence::Operands& t) {
  const Floats p(t.p_logits), q(t.q_logits), divergence(t.divergence);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    const double p_total = log_sum_exp(p, r, op.classes), q_total = log_sum_exp(q, r, op.classes);
    double sum = 0;
    for (std::int64_t c = 0; c < op.classes; ++c) {
      const double log_p = p(r, c) - p_total, log_q = q(r, c) - q_total;
      const double weight = std::exp(log_p);
      if (weight > 0) sum += weight * (log_p - log_q);  // 0 log 0 = 0, also where a logit is -infinity
    }
    divergence.set(r, sum);
  }
}

}  // namespace polysem::reference
