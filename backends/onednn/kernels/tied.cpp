#include "backends/onednn/kernels/table.hpp"

/// Tied autoencoders on the identity: what outputs do wrong, and L1.
namespace polysem::onednn::POLYSEM_ISA {

namespace {

struct Error {
  V error, back;
};

// Of outputs that should be 0: the error and the gradient of its square with respect to z.
POLYSEM_INLINE Error error_of(V z, V low) {
  const V slope = z > V{} ? splat(1.0f) : low;
  const V y = slope * z;
  return {y, 2.0f * y * slope};
}

struct ErrorVectors {
  V loss{}, back{};
};

// One vector of outputs; lanes from `count` on hold nothing.
POLYSEM_INLINE V errors_of(V product, const V* shift, float own_shift, std::int64_t count, V low,
                           ErrorVectors& sums) {
  V own = product + own_shift;
  if (count < kLanes)
    for (std::int64_t l = count; l < kLanes; ++l) own[l] = 0.0f;
  const Error first = error_of(own, low);
  sums.loss = sums.loss + first.error * first.error;
  sums.back = sums.back + first.back;
  return first.back + (shift != nullptr ? error_of(product + *shift, low).back : first.back);
}

POLYSEM_INLINE V signs_of(V w, float factor) {
  return w > V{} ? splat(factor) : w < V{} ? splat(-factor) : V{};
}
POLYSEM_INLINE V magnitude(V w) { return w < V{} ? -w : w; }

}  // namespace

ErrorSums tied_errors(float* row, const float* shift, float own_shift, std::int64_t n, float low) {
  ErrorVectors sums;
  const V lows = splat(low);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V other = shift != nullptr ? load(shift + i) : V{};
    store(row + i,
          errors_of(load(row + i), shift != nullptr ? &other : nullptr, own_shift, kLanes, lows, sums));
  }
  if (i < n) {
    const V other = shift != nullptr ? load(shift + i, n - i) : V{};
    const V product = load(row + i, n - i);
    store(row + i, errors_of(product, shift != nullptr ? &other : nullptr, own_shift, n - i, lows, sums),
          n - i);
  }
  return {sum(sums.loss), sum(sums.back)};
}

float add_signs(float* out, const float* w, float factor, std::int64_t n) {
  V total{};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V value = load(w + i);
    total = total + magnitude(value);
    store(out + i, load(out + i) + signs_of(value, factor));
  }
  if (i < n) {
    const V value = load(w + i, n - i);
    total = total + magnitude(value);
    store(out + i, load(out + i, n - i) + signs_of(value, factor), n - i);
  }
  return sum(total);
}

}  // namespace polysem::onednn::POLYSEM_ISA
