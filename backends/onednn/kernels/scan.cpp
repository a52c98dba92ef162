#include "backends/onednn/kernels/table.hpp"

namespace polysem::onednn::POLYSEM_ISA {

namespace {

POLYSEM_INLINE Candidate candidate_at(const Scan& s, std::int64_t i) {
  const float h = s.product[i] + s.bias[i];
  const std::int32_t id = s.ids != nullptr ? s.ids[i] : s.first + static_cast<std::int32_t>(i);
  return {s.scale != nullptr ? h * s.scale[i] : h, h, id};
}

}  // namespace

std::int64_t scan(const Scan& s, std::int64_t from, float threshold, Candidate* found,
                  std::int64_t* found_count, std::int64_t capacity, bool* nonfinite) {
  const V bound = splat(threshold);
  V bad{};  // 0 h is NaN exactly where h is not finite
  std::int64_t count = *found_count, i = from;
  for (; i + kLanes <= s.count && count + kLanes <= capacity; i += kLanes) {
    const V h = load(s.product + i) + load(s.bias + i);
    bad = bad + 0.0f * h;
    const V rank = s.scale != nullptr ? h * load(s.scale + i) : h;
    for (unsigned mask = mask_of(rank > bound); mask != 0; mask &= mask - 1)
      found[count++] = candidate_at(s, i + __builtin_ctz(mask));
  }
  for (; s.count - i < kLanes && i < s.count && count < capacity; ++i) {
    const Candidate c = candidate_at(s, i);
    bad[0] += 0.0f * c.value;
    if (c.rank > threshold) found[count++] = c;
  }
  *nonfinite = *nonfinite || mask_of(bad != bad) != 0;
  *found_count = count;
  return i;
}

}  // namespace polysem::onednn::POLYSEM_ISA
