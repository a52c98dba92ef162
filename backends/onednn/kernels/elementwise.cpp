#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

namespace {

template <class F>
POLYSEM_INLINE void each(const float* a, const float* b, float b_value, float* out, std::int64_t n, F f) {
  const V same = splat(b_value);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, f(load(a + i), b != nullptr ? load(b + i) : same));
  if (i < n) store(out + i, f(load(a + i, n - i), b != nullptr ? load(b + i, n - i) : same), n - i);
}

}  // namespace

void elementwise(ElementKind kind, const float* a, const float* b, float b_value, float* out, std::int64_t n,
                 float alpha, float beta) {
  switch (kind) {
    case ElementKind::kCopy:
      return each(
          a, b, 0.0f, out, n, [=](V x, V) __attribute__((always_inline)) { return alpha * x + beta; });
    case ElementKind::kAxpby:
      return each(
          a, b, b_value, out,
          n, [=](V x, V y) __attribute__((always_inline)) { return alpha * x + beta * y; });
    case ElementKind::kMul:
      return each(
          a, b, b_value, out, n, [=](V x, V y) __attribute__((always_inline)) { return alpha * x * y; });
    case ElementKind::kRelu:
      return each(
          a, b, 0.0f, out, n, [](V x, V) __attribute__((always_inline)) { return x < V{} ? V{} : x; });
    case ElementKind::kSqrt:
      return each(
          a, b, 0.0f, out, n, [=](V x, V) __attribute__((always_inline)) {
            const V y = alpha * x + beta;
            return sqrt(y < V{} ? V{} : y);
          });
    case ElementKind::kSiluMul:
      return each(
          a, b, b_value, out, n,
          [](V x, V y) __attribute__((always_inline)) { return x / (1.0f + exp(-x)) * y; });
    case ElementKind::kGate:
      return each(
          a, b, b_value, out,
          n, [=](V x, V y) __attribute__((always_inline)) { return y > V{} ? alpha * x + beta : V{}; });
  }
}

void epilogue(const float* product, float* c, const float* bias, std::int64_t n, float alpha, float beta,
              bool relu) {
  const auto finish = [=](V p, V old, V add) __attribute__((always_inline)) {
    V y = alpha * p;
    if (beta != 0.0f) y = y + beta * old;
    y = y + add;
    return relu ? (y < V{} ? V{} : y) : y;
  };
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    store(c + i, finish(load(product + i), load(c + i), bias != nullptr ? load(bias + i) : V{}));
  if (i < n)
    store(c + i,
          finish(load(product + i, n - i), load(c + i, n - i), bias != nullptr ? load(bias + i, n - i) : V{}),
          n - i);
}

void multiply(float* x, float factor, std::int64_t n) {
  elementwise(ElementKind::kCopy, x, nullptr, 0.0f, x, n, factor, 0.0f);
}

void subtract_scaled(float* g, const float* w, float factor, std::int64_t n) {
  elementwise(ElementKind::kAxpby, g, w, 0.0f, g, n, 1.0f, -factor);
}

}  // namespace polysem::onednn::POLYSEM_ISA
