#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

namespace {

struct Element {
  V w, m, v;
};

POLYSEM_INLINE Element step_of(const AdamConstants& s, V g, Element e) {
  g = g * s.grad_scale;
  e.m = s.beta1 * e.m + s.one_minus_beta1 * g;
  e.v = s.beta2 * e.v + s.one_minus_beta2 * (g * g);
  const V direction = e.m * s.inverse_correction1 / (sqrt(e.v * s.inverse_correction2) + s.epsilon);
  e.w = e.w - s.rate * (direction + s.weight_decay * e.w);
  return e;
}

}  // namespace

void adam(const AdamConstants& step, const float* g, float* w, float* m, float* v, std::int64_t n) {
  const AdamConstants s = step;
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Element e = step_of(s, load(g + i), {load(w + i), load(m + i), load(v + i)});
    store(w + i, e.w), store(m + i, e.m), store(v + i, e.v);
  }
  if (i == n) return;
  const std::int64_t rest = n - i;
  const Element e = step_of(s, load(g + i, rest), {load(w + i, rest), load(m + i, rest), load(v + i, rest)});
  store(w + i, e.w, rest), store(m + i, e.m, rest), store(v + i, e.v, rest);
}

}  // namespace polysem::onednn::POLYSEM_ISA
