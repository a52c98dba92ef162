#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

void widen(const std::uint16_t* in, float* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, load(in + i));
  if (i < n) store(out + i, load(in + i, n - i), n - i);
}

void narrow(const float* in, std::uint16_t* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, load(in + i));
  if (i < n) store(out + i, load(in + i, n - i), n - i);
}

namespace {

struct Sums {
  V all[2], taken[2], left[2];
};

POLYSEM_INLINE VH round_part(V x, V& all, V& taken, V& left) {
  const VU bits = rounded_bits(x);
  const V low = as_float(bits);
  const V kept = (bits & 0x7f800000u) == 0u ? V{} : low;  // denormals are 0 to the product
  const V lost = x - kept;
  all = all + x * x;
  taken = taken + lost * lost;
  left = left + kept * kept;
  return __builtin_convertvector(bits >> 16, VH);
}

}  // namespace

RoundedRow round_row(const float* in, std::uint16_t* out, std::int64_t n) {
  Sums s = {};
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    for (int u = 0; u < 2; ++u)
      *reinterpret_cast<UnalignedVH*>(out + i + u * kLanes) =
          round_part(load(in + i + u * kLanes), s.all[u], s.taken[u], s.left[u]);
  }
  for (; i < n; i += kLanes) {
    const std::int64_t count = n - i < kLanes ? n - i : kLanes;
    const VH part = round_part(load(in + i, count), s.all[0], s.taken[0], s.left[0]);
    __builtin_memcpy(out + i, &part, static_cast<std::size_t>(count) * 2);
  }
  return {sum(s.all[0] + s.all[1]), sum(s.taken[0] + s.taken[1]), sum(s.left[0] + s.left[1])};
}

void round_to_bf16(const float* in, float* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, as_float(rounded_bits(load(in + i))));
  if (i < n) store(out + i, as_float(rounded_bits(load(in + i, n - i))), n - i);
}

}  // namespace polysem::onednn::POLYSEM_ISA
