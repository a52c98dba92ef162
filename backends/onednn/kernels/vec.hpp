#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "backends/onednn/kernels/kernels.hpp"

#ifndef POLYSEM_ISA
#define POLYSEM_ISA generic
#endif

/// Vectors as wide as the instruction set of this compilation. Everything is forced inline: a function that
/// the linker could share between instruction sets would run on machines that lack them.
#define POLYSEM_INLINE [[gnu::always_inline]] static inline

namespace polysem::onednn::POLYSEM_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float V __attribute__((vector_size(kLanes * 4)));
typedef std::int32_t VI __attribute__((vector_size(kLanes * 4)));
typedef std::uint32_t VU __attribute__((vector_size(kLanes * 4)));
typedef std::uint16_t VH __attribute__((vector_size(kLanes * 2)));
typedef V UnalignedV __attribute__((aligned(4), may_alias));
typedef VI UnalignedVI __attribute__((aligned(4), may_alias));
typedef VH UnalignedVH __attribute__((aligned(2), may_alias));

POLYSEM_INLINE V splat(float x) { return x - V{}; }
POLYSEM_INLINE V load(const float* p) { return *reinterpret_cast<const UnalignedV*>(p); }
POLYSEM_INLINE void store(float* p, V x) { *reinterpret_cast<UnalignedV*>(p) = x; }
POLYSEM_INLINE V load(const float* p, std::int64_t count) {
  V x{};
  __builtin_memcpy(&x, p, static_cast<std::size_t>(count) * 4);
  return x;
}
POLYSEM_INLINE void store(float* p, V x, std::int64_t count) {
  __builtin_memcpy(p, &x, static_cast<std::size_t>(count) * 4);
}

POLYSEM_INLINE V as_float(VU bits) { return reinterpret_cast<V>(bits); }
POLYSEM_INLINE VU as_bits(V x) { return reinterpret_cast<VU>(x); }

POLYSEM_INLINE V from_bf16(VH bits) { return as_float(__builtin_convertvector(bits, VU) << 16); }
POLYSEM_INLINE V load(const std::uint16_t* p) { return from_bf16(*reinterpret_cast<const UnalignedVH*>(p)); }
POLYSEM_INLINE V load(const std::uint16_t* p, std::int64_t count) {
  VH x{};
  __builtin_memcpy(&x, p, static_cast<std::size_t>(count) * 2);
  return from_bf16(x);
}
/// bf16 bits in the upper half, rounded to nearest even; NaN stays NaN.
POLYSEM_INLINE VU rounded_bits(V x) {
  const VU bits = as_bits(x);
  const VU rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return (x != x ? (bits | 0x400000u) : rounded) & 0xffff0000u;
}
POLYSEM_INLINE VH to_bf16(V x) { return __builtin_convertvector(rounded_bits(x) >> 16, VH); }
POLYSEM_INLINE void store(std::uint16_t* p, V x) { *reinterpret_cast<UnalignedVH*>(p) = to_bf16(x); }
POLYSEM_INLINE void store(std::uint16_t* p, V x, std::int64_t count) {
  const VH half = to_bf16(x);
  __builtin_memcpy(p, &half, static_cast<std::size_t>(count) * 2);
}

POLYSEM_INLINE V max(V a, V b) { return a > b ? a : b; }
POLYSEM_INLINE V min(V a, V b) { return a < b ? a : b; }

POLYSEM_INLINE V sqrt(V x) {
#if defined(__AVX512F__)
  return _mm512_maskz_sqrt_ps(0xffff, x);  // the plain form warns of an uninitialised value in g++ 12
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#elif defined(__SSE2__)
  return _mm_sqrt_ps(x);
#else
  for (int i = 0; i < kLanes; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

/// Bit i is set where lane i of a comparison's result is true.
POLYSEM_INLINE unsigned mask_of(VI truth) {
#if defined(__AVX512DQ__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(truth));
#elif defined(__AVX2__)
  return static_cast<unsigned>(_mm256_movemask_ps(reinterpret_cast<__m256>(truth)));
#elif defined(__SSE2__)
  return static_cast<unsigned>(_mm_movemask_ps(reinterpret_cast<__m128>(truth)));
#else
  unsigned mask = 0;
  for (int i = 0; i < kLanes; ++i) mask |= (truth[i] ? 1u : 0u) << i;
  return mask;
#endif
}

/// Sum of the lanes by halves.
POLYSEM_INLINE float sum(V x) {
  float lanes[kLanes];
  __builtin_memcpy(lanes, &x, sizeof x);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}
POLYSEM_INLINE float largest(V x) {
  float most = x[0];
  for (int i = 1; i < kLanes; ++i) most = x[i] > most || x[i] != x[i] ? x[i] : most;
  return most;
}

/// e^x to about 1 ulp; 0 below -87.3, infinity above 88.7. Cody-Waite reduction by ln 2 in two parts and a
/// polynomial of degree 6 (coefficients: Taylor's, shifted to a minimax fit by Moshier's Cephes expf).
POLYSEM_INLINE V exp(V x) {
  const V clamped = min(max(x, splat(-88.0f)), splat(88.7f));
  const V shifter = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  const V shifted = clamped * 1.44269504088896341f + shifter;
  const V n = shifted - shifter;
  const V r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;
  V p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  // 2^n in two factors, since n may be 128 or below -126.
  const VI whole = __builtin_convertvector(n, VI), half = whole >> 1;
  const V scaled = p * as_float(reinterpret_cast<VU>((half + 127) << 23)) *
                   as_float(reinterpret_cast<VU>((whole - half + 127) << 23));
  const V flushed = x < splat(-87.3f) ? V{} : scaled;
  const V bounded = x > splat(88.7228f) ? splat(__builtin_inff()) : flushed;
  return x != x ? x : bounded;
}

}  // namespace polysem::onednn::POLYSEM_ISA
