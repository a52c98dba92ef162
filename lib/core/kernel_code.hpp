#pragma once

#include "lib/core/kernels.hpp"

// The kernels as templates over an instruction set, which a source file describes by a struct:
//     V, kWidth       a vector of floats (or float) and how many it has
//     kGroup          lanes that are summed in one pass over a row: 16, or fewer where registers are few
//     kRows           rows that are summed together
//     kTileRows, kTileVectors
//     load<type>(row, lane, V*)   kGroup elements from `lane` on, as floats
//     fma(float, V, V)            a * b + c, fused or not
// Everything here has internal linkage: each source file is compiled for other instructions.

// Into each caller, also where the compiler would rather save room.
#ifdef __OPTIMIZE_SIZE__
#define POLYSEM_CORE_INLINE inline
#else
#define POLYSEM_CORE_INLINE inline __attribute__((always_inline))
#endif

namespace polysem::core {
namespace {

template <int kFloats>
struct VectorOf {
  typedef float Type __attribute__((vector_size(kFloats * sizeof(float))));
};

inline float from_bits(std::uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

// Vectors are read and written one by one: an array of them that is copied whole stays in memory all the
// time.
template <class V>
V read_vector(const float* at) {
  V vector;
  __builtin_memcpy(&vector, at, sizeof vector);
  return vector;
}
template <class V>
void write_vector(float* at, V vector) {
  __builtin_memcpy(at, &vector, sizeof vector);
}

/// IEEE half precision without a branch: the exponent is moved by a multiplication, which also makes
/// subnormals right.
inline float from_half(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const float magnitude = from_bits(std::uint32_t{half & 0x7fffu} << 13) * 0x1p112f;
  std::uint32_t bits;
  __builtin_memcpy(&bits, &magnitude, sizeof bits);
  return from_bits(sign | bits);
}

template <class T>
T read(const unsigned char* at) {
  T value;
  __builtin_memcpy(&value, at, sizeof value);
  return value;
}

/// Element i of a row, without the row's scale.
template <int kType>
float element(const unsigned char* row, std::size_t i) {
  if constexpr (kType == POLYSEM_F32) return read<float>(row + 4 * i);
  if constexpr (kType == POLYSEM_F16) return from_half(read<std::uint16_t>(row + 2 * i));
  if constexpr (kType == POLYSEM_BF16)
    return from_bits(std::uint32_t{read<std::uint16_t>(row + 2 * i)} << 16);
  if constexpr (kType == POLYSEM_INT8) return static_cast<float>(static_cast<signed char>(row[i]));
  const unsigned char pair = row[i / 32 * 16 + i % 16];
  return static_cast<float>((i % 32 < 16 ? pair & 15 : pair >> 4) - 8);
}

/// load<kType>() for any instruction set.
template <class Isa, int kType>
inline void load_plainly(const unsigned char* row, std::size_t lane, typename Isa::V* to) {
#pragma GCC unroll 16
  for (std::size_t v = 0; v < Isa::kGroup / Isa::kWidth; ++v) {
    if constexpr (Isa::kWidth == 1) {
      to[v] = element<kType>(row, lane + v);
    } else {
      typename Isa::V vector = {};
#pragma GCC unroll 4
      for (std::size_t l = 0; l < Isa::kWidth; ++l)
        vector[l] = element<kType>(row, lane + v * Isa::kWidth + l);
      to[v] = vector;
    }
  }
}

/// The same for rows of floats.
template <class Isa>
inline void load_floats(const unsigned char* row, std::size_t lane, typename Isa::V* to) {
#pragma GCC unroll 16
  for (std::size_t v = 0; v < Isa::kGroup / Isa::kWidth; ++v)
    to[v] = read_vector<typename Isa::V>(reinterpret_cast<const float*>(row) + lane + v * Isa::kWidth);
}

/// Four sums of 16 that lie in vectors of 4 or more: the upper half is added to the lower until four are
/// left.
template <class V>
VectorOf<4>::Type four_sums(V vector) {
  if constexpr (sizeof(V) == 64) {
    return four_sums(__builtin_shufflevector(vector, vector, 0, 1, 2, 3, 4, 5, 6, 7) +
                     __builtin_shufflevector(vector, vector, 8, 9, 10, 11, 12, 13, 14, 15));
  } else if constexpr (sizeof(V) == 32) {
    return __builtin_shufflevector(vector, vector, 0, 1, 2, 3) +
           __builtin_shufflevector(vector, vector, 4, 5, 6, 7);
  } else {
    return vector;
  }
}

/// The sums of the 16 partial sums of each row.
template <class Isa, std::size_t kRows>
inline void write_sums(typename Isa::V (*sums)[kLanes / Isa::kWidth], float* out) {
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (std::size_t half = kLanes / Isa::kWidth / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (std::size_t v = 0; v < half; ++v) sums[r][v] += sums[r][v + half];
  if constexpr (Isa::kWidth == 1) {
    for (std::size_t r = 0; r < kRows; ++r) out[r] = sums[r][0];
  } else if constexpr (kRows == 4) {
    using V4 = VectorOf<4>::Type;
    const V4 a = four_sums(sums[0][0]), b = four_sums(sums[1][0]), c = four_sums(sums[2][0]),
             d = four_sums(sums[3][0]);
    // Turned, so that one addition serves four rows: 0 + 2 and 1 + 3 of a and b, of c and d.
    const V4 ab = __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
    const V4 cd = __builtin_shufflevector(c, d, 0, 1, 4, 5) + __builtin_shufflevector(c, d, 2, 3, 6, 7);
    write_vector<V4>(
        out, __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7));
  } else {
    for (std::size_t r = 0; r < kRows; ++r) {
      const auto last = four_sums(sums[r][0]);
      out[r] = (last[0] + last[2]) + (last[1] + last[3]);
    }
  }
}

/// Asks for what a later step over `kRows` rows will read: all rows together are one stretch of memory, of
/// which each step takes a part. Without it a processor begins anew at each row. A hint, which may point
/// behind the file.
template <int kType, std::size_t kRows>
inline void prefetch(const unsigned char* rows, std::size_t lane) {
  constexpr std::size_t kHalfBytes[] = {8, 4, 4, 2, 1}, kLine = 64;
  constexpr std::size_t kAhead = 8192;  // measured: 4096 and 16384 are a little slower
  constexpr std::size_t kStep = kRows * kLanes * kHalfBytes[kType] / 2;  // bytes
  const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(rows) + kAhead + lane / kLanes * kStep;
#pragma GCC unroll 8
  for (std::size_t line = 0; line < kStep; line += kLine)
    __builtin_prefetch(reinterpret_cast<const void*>(at + line), 0, 3);
}

template <class Isa, int kType, std::size_t kRows>
POLYSEM_CORE_INLINE void dot_block(const unsigned char* rows, std::size_t row_bytes, const float* x,
                                   std::size_t elements, float* out) {
  constexpr std::size_t kVectors = Isa::kGroup / Isa::kWidth;
  using V = typename Isa::V;
  V sums[kRows][kLanes / Isa::kWidth];
  for (std::size_t group = 0; group < kLanes; group += Isa::kGroup) {
    V group_sums[kRows][kVectors] = {};
    for (std::size_t lane = group; lane < elements; lane += kLanes) {
      if constexpr (kRows > 1) prefetch<kType, kRows>(rows, lane);
      V inputs[kVectors];
#pragma GCC unroll 16
      for (std::size_t v = 0; v < kVectors; ++v) inputs[v] = read_vector<V>(x + lane + v * Isa::kWidth);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRows; ++r) {
        V weights[kVectors];
        Isa::template load<kType>(rows + r * row_bytes, lane, weights);
#pragma GCC unroll 16
        for (std::size_t v = 0; v < kVectors; ++v) group_sums[r][v] += weights[v] * inputs[v];
      }
    }
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 16
      for (std::size_t v = 0; v < kVectors; ++v) sums[r][group / Isa::kWidth + v] = group_sums[r][v];
  }
  write_sums<Isa, kRows>(sums, out);
}

template <class Isa, int kType>
void dot(const unsigned char* rows, std::size_t row_bytes, std::size_t count, const float* x,
         std::size_t elements, float* out) {
  std::size_t r = 0;
  if constexpr (Isa::kRows > 1)
    for (; r + Isa::kRows <= count; r += Isa::kRows)
      dot_block<Isa, kType, Isa::kRows>(rows + r * row_bytes, row_bytes, x, elements, out + r);
  for (; r < count; ++r) dot_block<Isa, kType, 1>(rows + r * row_bytes, row_bytes, x, elements, out + r);
}

template <class Isa, int kType>
void add_row(const unsigned char* row, float coefficient, std::size_t elements, float* y) {
  constexpr std::size_t kVectors = Isa::kGroup / Isa::kWidth;
  using V = typename Isa::V;
  for (std::size_t lane = 0; lane < elements; lane += Isa::kGroup) {
    V weights[kVectors];
    Isa::template load<kType>(row, lane, weights);
#pragma GCC unroll 16
    for (std::size_t v = 0; v < kVectors; ++v) {
      float* at = y + lane + v * Isa::kWidth;
      write_vector<V>(at, read_vector<V>(at) + coefficient * weights[v]);
    }
  }
}

template <class Isa>
void tile(const float* rows, std::size_t stride, const float* panel, std::size_t d, float* out) {
  constexpr std::size_t kRows = Isa::kTileRows, kVectors = Isa::kTileVectors, kBases = kRows / 3;
  using V = typename Isa::V;
  V sums[kRows][kVectors] = {};
  // A pointer for every third row: with the stride once and twice that is all addresses, and fits the
  // registers.
  const float* base[kBases];
  for (std::size_t b = 0; b < kBases; ++b) base[b] = rows + 3 * b * stride;
  for (std::size_t i = 0; i < d; ++i) {
    V inputs[kVectors];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v)
      inputs[v] = read_vector<V>(panel + (i * kVectors + v) * Isa::kWidth);
#pragma GCC unroll 12
    for (std::size_t r = 0; r < kRows; ++r) {
      const float weight = base[r / 3][r % 3 * stride];
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v) sums[r][v] = Isa::fma(weight, inputs[v], sums[r][v]);
    }
#pragma GCC unroll 4
    for (std::size_t b = 0; b < kBases; ++b) ++base[b];
  }
#pragma GCC unroll 12
  for (std::size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v)
      write_vector<V>(out + (r * kVectors + v) * Isa::kWidth, sums[r][v]);
}

template <class Isa>
constexpr Kernels kernels_of() {
  static_assert(Isa::kTileRows % 3 == 0 && kLanes % Isa::kGroup == 0 && Isa::kGroup % Isa::kWidth == 0);
  return {{dot<Isa, POLYSEM_F32>, dot<Isa, POLYSEM_F16>, dot<Isa, POLYSEM_BF16>, dot<Isa, POLYSEM_INT8>,
           dot<Isa, POLYSEM_INT4>},
          {add_row<Isa, POLYSEM_F32>, add_row<Isa, POLYSEM_F16>, add_row<Isa, POLYSEM_BF16>,
           add_row<Isa, POLYSEM_INT8>, add_row<Isa, POLYSEM_INT4>},
          tile<Isa>,
          Isa::kTileRows,
          Isa::kTileVectors * Isa::kWidth};
}

}  // namespace
}  // namespace polysem::core
