#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

float sum_exp(const float* logits, float shift, std::int64_t n) {
  const V by = splat(shift);
  V acc[2] = {};
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    acc[0] = acc[0] + exp(load(logits + i) - by);
    acc[1] = acc[1] + exp(load(logits + i + kLanes) - by);
  }
  float rest = 0.0f;
  for (; i < n; ++i) rest += exp(splat(logits[i] - shift))[0];
  return sum(acc[0] + acc[1]) + rest;
}

namespace {

// p (log p - log q), and 0 where p is 0, also where a logit is -infinity.
POLYSEM_INLINE V kl_term(V p_logit, V q_logit, V p_total, V q_total) {
  const V log_p = p_logit - p_total, weight = exp(log_p);
  const V term = weight * (log_p - (q_logit - q_total));
  return weight == V{} ? V{} : term;
}

}  // namespace

float kl_terms(const float* p_logits, const float* q_logits, float p_total, float q_total, std::int64_t n) {
  const V p = splat(p_total), q = splat(q_total);
  V acc{};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) acc = acc + kl_term(load(p_logits + i), load(q_logits + i), p, q);
  float rest = 0.0f;
  for (; i < n; ++i) rest += kl_term(splat(p_logits[i]), splat(q_logits[i]), p, q)[0];
  return sum(acc) + rest;
}

float softmax_row(float* scores, std::int64_t n, float scale, float* running) {
  V most = splat(*running);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V x = scale * load(scores + i);
    store(scores + i, x);
    most = max(x, most);
  }
  float top = largest(most);
  for (; i < n; ++i) {
    scores[i] *= scale;
    top = scores[i] > top ? scores[i] : top;
  }
  *running = top;
  const V shift = splat(top);
  V acc{};
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const V x = exp(load(scores + i) - shift);
    store(scores + i, x);
    acc = acc + x;
  }
  float rest = 0.0f;
  for (; i < n; ++i) rest += scores[i] = exp(splat(scores[i] - top))[0];
  return sum(acc) + rest;
}

}  // namespace polysem::onednn::POLYSEM_ISA
