#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

namespace {

// Bits of a float that order like an unsigned integer.
POLYSEM_INLINE VU ordered(V x) {
  const VU bits = as_bits(x);
  return bits ^ ((bits >> 31) * 0x7fffffffu + 0x80000000u);
}

// How many of the keys reach `least`, lanes beyond n left out (their key is 0, `least` is above).
POLYSEM_INLINE std::int64_t count_from(const float* keys, std::int64_t n, std::uint32_t least) {
  VI count{};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) count -= as_bits(load(keys + i)) >= least;
  if (i < n) count -= as_bits(load(keys + i, n - i)) >= least;
  std::int64_t sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += count[lane];
  return sum;
}

}  // namespace

// The answer's bits from the highest to the lowest: each is set if k numbers still reach it. No branch
// depends on the data, which for the some hundred numbers of a row is several times faster than partitioning.
float kth_largest(float* values, std::int64_t n, std::int64_t k) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n - i < kLanes ? n - i : kLanes;
    store(values + i, as_float(ordered(load(values + i, count))), count);
  }
  std::uint32_t answer = 0;
  for (std::uint32_t bit = 0x80000000u; bit != 0; bit >>= 1)
    if (count_from(values, n, answer | bit) >= k) answer |= bit;
  const std::uint32_t bits = (answer >> 31) != 0 ? answer ^ 0x80000000u : ~answer;
  float result;
  __builtin_memcpy(&result, &bits, sizeof result);
  return result;
}

}  // namespace polysem::onednn::POLYSEM_ISA
