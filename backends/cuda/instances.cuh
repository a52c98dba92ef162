#pragma once

#include "backends/cuda/block.cuh"
#include "backends/cuda/rows.cuh"

namespace polysem::cuda {

/// How many instances of an op go at once, whose largest matrix has `elements` each: enough to fill a card,
/// and few enough that its caches hold what passes from one kernel to the next.
inline std::int64_t instances_at_once(std::int64_t instances, std::int64_t elements) {
  constexpr std::int64_t kMostElements = std::int64_t{1} << 22;
  return std::min(instances, std::max<std::int64_t>(1, kMostElements / std::max<std::int64_t>(elements, 1)));
}

/// Yes where bytes of a few matrices of `rows` x `cols` elements can be counted; no card has as many.
inline Support instance_fits(std::int64_t rows, std::int64_t cols) {
  constexpr std::int64_t kMostElements = std::int64_t{1} << 40;
  if (cols == 0 || rows <= kMostElements / cols) return Support::yes();
  return Support::no("one instance has more elements than any device holds");
}

/// Calls f(first, how many) for all instances, `step` at a time.
template <class F>
void each_part(std::int64_t instances, std::int64_t step, F&& f) {
  for (std::int64_t i = 0; i < instances; i += step) f(i, std::min(step, instances - i));
}

/// The rows of some instances in a tensor that has `rows` for each; an absent one stays absent.
inline Tensor part_of(const Tensor& t, std::int64_t rows, std::int64_t first, std::int64_t count) {
  return t ? t.row_range(first * rows, count * rows) : t;
}

/// Sum of list[0, count) by the whole block; every thread gets it.
__device__ inline float block_sum_of(const float* list, std::int64_t count) {
  float sum = 0.0f;
  for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += list[i];
  return block_sum(sum);
}

}  // namespace polysem::cuda
