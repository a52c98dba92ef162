#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

namespace {

template <class F>
POLYSEM_INLINE float sum_terms(const float* a, const float* b, std::int64_t n, F term) {
  V acc[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes)
    for (int u = 0; u < 4; ++u) acc[u] = acc[u] + term(load(a + i + u * kLanes), load(b + i + u * kLanes));
  for (; i + kLanes <= n; i += kLanes) acc[0] = acc[0] + term(load(a + i), load(b + i));
  if (i < n) acc[1] = acc[1] + term(load(a + i, n - i), load(b + i, n - i));
  return sum((acc[0] + acc[1]) + (acc[2] + acc[3]));
}

POLYSEM_INLINE float maximum(const float* a, std::int64_t n) {
  float most = -__builtin_inff();
  V lanes = splat(most), bad{};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V x = load(a + i);
    lanes = max(x, lanes);
    bad = x != x ? x : bad;
  }
  for (; i < n; ++i) most = a[i] > most || a[i] != a[i] ? a[i] : most;
  const float inside = largest(lanes);
  most = inside > most ? inside : most;
  for (int lane = 0; lane < kLanes; ++lane) most = bad[lane] != bad[lane] ? bad[lane] : most;
  return most;
}

template <class F>
POLYSEM_INLINE void combine(const float* a, const float* b, float* acc, std::int64_t n, F f) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(acc + i, f(load(acc + i), load(a + i), load(b + i)));
  if (i < n) store(acc + i, f(load(acc + i, n - i), load(a + i, n - i), load(b + i, n - i)), n - i);
}

}  // namespace

float reduce(ReduceKind kind, const float* a, const float* b, std::int64_t n) {
  switch (kind) {
    case ReduceKind::kSum:
      return sum_terms(
          a, a, n, [](V x, V) __attribute__((always_inline)) { return x; });
    case ReduceKind::kSumSquares:
      return sum_terms(
          a, a, n, [](V x, V) __attribute__((always_inline)) { return x * x; });
    case ReduceKind::kDot:
      return sum_terms(
          a, b, n, [](V x, V y) __attribute__((always_inline)) { return x * y; });
    case ReduceKind::kSquaredDistance:
      return sum_terms(
          a, b, n, [](V x, V y) __attribute__((always_inline)) { return (x - y) * (x - y); });
    case ReduceKind::kMax:
      return maximum(a, n);
  }
  return 0.0f;
}

void reduce_into(ReduceKind kind, const float* a, const float* b, float* acc, std::int64_t n) {
  switch (kind) {
    case ReduceKind::kSum:
      return combine(
          a, a, acc, n, [](V s, V x, V) __attribute__((always_inline)) { return s + x; });
    case ReduceKind::kSumSquares:
      return combine(
          a, a, acc, n, [](V s, V x, V) __attribute__((always_inline)) { return s + x * x; });
    case ReduceKind::kDot:
      return combine(
          a, b, acc, n, [](V s, V x, V y) __attribute__((always_inline)) { return s + x * y; });
    case ReduceKind::kSquaredDistance:
      return combine(
          a, b, acc, n, [](V s, V x, V y) __attribute__((always_inline)) { return s + (x - y) * (x - y); });
    case ReduceKind::kMax:
      return combine(
          a, a, acc, n, [](V s, V x, V) __attribute__((always_inline)) {
            const V most = max(x, s);
            return x != x ? x : (s != s ? s : most);
          });
  }
}

}  // namespace polysem::onednn::POLYSEM_ISA
