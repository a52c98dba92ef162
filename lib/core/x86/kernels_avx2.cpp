// Compiled for AVX2, FMA and F16C; nothing here runs where choose_kernels() has not found them.
#include <immintrin.h>

#include "lib/core/kernel_code.hpp"

namespace polysem::core {

namespace {

struct Avx2 {
  using V = VectorOf<8>::Type;
  static constexpr std::size_t kWidth = 8, kGroup = 16, kRows = 4, kTileRows = 6, kTileVectors = 2;

  static V fma(float a, V b, V c) { return (V)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)c); }

  static V from_bytes(__m128i bytes) { return (V)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)); }

  static void from_16_bytes(__m128i bytes, V* to) {
    to[0] = from_bytes(bytes);
    to[1] = from_bytes(_mm_unpackhi_epi64(bytes, bytes));
  }

  static __m128i read(const unsigned char* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }

  template <int kType>
  static void load(const unsigned char* row, std::size_t lane, V* to) {
    if constexpr (kType == POLYSEM_F32) {
      load_floats<Avx2>(row, lane, to);
    } else if constexpr (kType == POLYSEM_F16) {
      to[0] = (V)_mm256_cvtph_ps(read(row + 2 * lane));
      to[1] = (V)_mm256_cvtph_ps(read(row + 2 * lane + 16));
    } else if constexpr (kType == POLYSEM_BF16) {
      to[0] = (V)_mm256_slli_epi32(_mm256_cvtepu16_epi32(read(row + 2 * lane)), 16);
      to[1] = (V)_mm256_slli_epi32(_mm256_cvtepu16_epi32(read(row + 2 * lane + 16)), 16);
    } else if constexpr (kType == POLYSEM_INT8) {
      from_16_bytes(read(row + lane), to);
    } else {
      const __m128i pairs = read(row + lane / 32 * 16);
      const __m128i shifted = _mm_srl_epi16(pairs, _mm_cvtsi32_si128(lane % 32 < 16 ? 0 : 4));
      from_16_bytes(_mm_sub_epi8(_mm_and_si128(shifted, _mm_set1_epi8(15)), _mm_set1_epi8(8)), to);
    }
  }
};

}  // namespace

extern constexpr Kernels kKernelsAvx2 = kernels_of<Avx2>();

}  // namespace polysem::core
