#pragma once

#include "backends/cuda/block.cuh"

namespace polysem::cuda {

/// Unsigned numbers in the order of floats: -0 and +0 are equal, NaN counts as minus infinity. 0 is below
/// all.
__device__ inline std::uint32_t order_key(float rank) {
  std::uint32_t bits = __float_as_uint(rank);
  if (bits == 0x80000000u) bits = 0u;
  if ((bits & 0x7fffffffu) > 0x7f800000u) bits = 0xff800000u;
  return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

/// The float of a key of a number above 0.
__device__ inline float positive_rank(std::uint32_t key) { return __uint_as_float(key & 0x7fffffffu); }

__device__ inline bool is_finite(float value) {
  return (__float_as_uint(value) & 0x7f800000u) != 0x7f800000u;
}

/// Where the search for the k-th largest key stands: the bits known so far, and how many of those that are
/// still in question are wanted.
struct Search {
  std::uint32_t prefix, wanted;
};

/// Whether a key agrees with the bits that are known before the eight at `shift` are.
__device__ inline bool in_question(std::uint32_t key, std::uint32_t prefix, int shift) {
  return shift == 24 || (key >> (shift + 8)) == (prefix >> (shift + 8));
}

/// Finds the next eight bits from how often each value of them occurs. The whole block of 256 does it, a
/// thread a value; both arguments are in shared memory, which all have met for.
__device__ inline void narrow_search(const std::uint32_t* histogram, int shift, Search& search) {
  static_assert(kThreads == 256);
  const std::uint32_t wanted = search.wanted, digit = 255u - threadIdx.x, here = histogram[digit];
  std::uint32_t all;
  const std::uint32_t before = block_scan(here, all);  // of larger values
  if ((before < wanted || threadIdx.x == 0) && (before + here >= wanted || digit == 0))
    search = {search.prefix | digit << shift, wanted - before};
  __syncthreads();
}

/// Of a stretch of a list of which `above` are above the k-th largest key and `equal` equal to it: how many
/// are taken, where `ties` are wanted and there were `ties_before` in earlier stretches.
__device__ inline std::uint32_t taken(std::uint32_t above, std::uint32_t equal, std::uint32_t ties_before,
                                      std::uint32_t ties) {
  const std::uint32_t left = ties_before < ties ? ties - ties_before : 0u;
  return above + (equal < left ? equal : left);
}

}  // namespace polysem::cuda
