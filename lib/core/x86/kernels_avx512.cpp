// Compiled for AVX-512 F, BW, DQ and VL; nothing here runs where choose_kernels() has not found them.
#include <immintrin.h>

#include "lib/core/kernel_code.hpp"

namespace polysem::core {

namespace {

struct Avx512 {
  using V = VectorOf<16>::Type;
  static constexpr std::size_t kWidth = 16, kGroup = 16, kRows = 4, kTileRows = 12, kTileVectors = 2;

  static V fma(float a, V b, V c) { return (V)_mm512_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)c); }

  static V from_16_bytes(__m128i bytes) { return (V)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)); }

  static __m128i read(const unsigned char* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static __m256i read_32(const unsigned char* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }

  template <int kType>
  static void load(const unsigned char* row, std::size_t lane, V* to) {
    if constexpr (kType == POLYSEM_F32) {
      load_floats<Avx512>(row, lane, to);
    } else if constexpr (kType == POLYSEM_F16) {
      *to = (V)_mm512_cvtph_ps(read_32(row + 2 * lane));
    } else if constexpr (kType == POLYSEM_BF16) {
      *to = (V)_mm512_slli_epi32(_mm512_cvtepu16_epi32(read_32(row + 2 * lane)), 16);
    } else if constexpr (kType == POLYSEM_INT8) {
      *to = from_16_bytes(read(row + lane));
    } else {
      const __m128i pairs = read(row + lane / 32 * 16);
      const __m128i shifted = _mm_srl_epi16(pairs, _mm_cvtsi32_si128(lane % 32 < 16 ? 0 : 4));
      *to = from_16_bytes(_mm_sub_epi8(_mm_and_si128(shifted, _mm_set1_epi8(15)), _mm_set1_epi8(8)));
    }
  }
};

}  // namespace

extern constexpr Kernels kKernelsAvx512 = kernels_of<Avx512>();

}  // namespace polysem::core
