#include "backends/onednn/ops.hpp"
#include "backends/onednn/softmax.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

// sum p (log p - log q) with the logs' shifts taken out of the sum: the terms keep their f32 digits.
double divergence(const float* p, const float* q, std::int64_t classes) {
  const double p_total = log_sum_exp(p, classes), q_total = log_sum_exp(q, classes);
  constexpr std::int64_t kPart = 4096;
  double sum = 0.0;
  for (std::int64_t c = 0; c < classes; c += kPart)
    sum += kernels().kl_terms(p + c, q + c, static_cast<float>(p_total), static_cast<float>(q_total),
                              std::min(kPart, classes - c));
  return sum;
}

}  // namespace

void run(Context& context, const KlDivergence& op, const KlDivergence::Operands& t) {
  const RowReader p(t.p_logits), q(t.q_logits);
  float* out = data_of<float>(t.divergence);
  PerThread<float> lines = context.per_thread<float>(p.bf16() || q.bf16() ? 2 * op.classes : 0);
  Context::parallel_ranges(op.rows, rows_a_task(op.classes), [&](std::int64_t first, std::int64_t last) {
    float* buffer = lines.of(Context::thread());
    for (std::int64_t r = first; r < last; ++r)
      out[r] = static_cast<float>(divergence(p.read(r, 0, op.classes, buffer),
                                             q.read(r, 0, op.classes, buffer + op.classes), op.classes));
  });
}

}  // namespace polysem::onednn
