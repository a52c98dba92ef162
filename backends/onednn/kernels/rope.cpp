#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

namespace {

POLYSEM_INLINE void turn_halves(float* x, const float* cosine, const float* sine, std::int64_t half) {
  std::int64_t i = 0;
  for (; i + kLanes <= half; i += kLanes) {
    const V a = load(x + i), b = load(x + half + i), c = load(cosine + i), s = load(sine + i);
    store(x + i, a * c - b * s);
    store(x + half + i, a * s + b * c);
  }
  for (; i < half; ++i) {
    const float a = x[i], b = x[half + i];
    x[i] = a * cosine[i] - b * sine[i];
    x[half + i] = a * sine[i] + b * cosine[i];
  }
}

POLYSEM_INLINE void turn_pairs(float* x, const float* cosine, const float* sine, std::int64_t half) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * cosine[i] - b * sine[i];
    x[2 * i + 1] = a * sine[i] + b * cosine[i];
  }
}

}  // namespace

void rope(float* x, const float* cosine, const float* sine, std::int64_t heads, std::int64_t head_dim,
          std::int64_t rotary, bool interleaved) {
  for (std::int64_t head = 0; head < heads; ++head, x += head_dim) {
    if (interleaved) {
      turn_pairs(x, cosine, sine, rotary / 2);
    } else {
      turn_halves(x, cosine, sine, rotary / 2);
    }
  }
}

}  // namespace polysem::onednn::POLYSEM_ISA
