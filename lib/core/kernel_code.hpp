#pragma once

#include <cstring>

#include "lib/core/kernels.hpp"

// The kernels as templates over an instruction set, which a source file describes by a struct:
//     V, kWidth       a vector of floats (or float) and how many it has
//     kGroup          lanes that are summed in one pass over a row: 16, or fewer where registers are few
//     kRows           rows that are summed together
//     kTileRows, kTileVectors
//     load<type>(row, lane, V*)   kGroup elements from `lane` on, as floats
//     fma(float, V, V)            a * b + c, fused or not
// Everything here has internal linkage: each source file is compiled for other instructions.
namespace polysem::core {
namespace {

template <int kFloats>
struct VectorOf {
  typedef float Type __attribute__((vector_size(kFloats * sizeof(float))));
};

inline float from_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// IEEE half precision without a branch: the exponent is moved by a multiplication, which also makes
/// subnormals right.
inline float from_half(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const float magnitude = from_bits(std::uint32_t{half & 0x7fffu} << 13) * 0x1p112f;
  std::uint32_t bits;
  std::memcpy(&bits, &magnitude, sizeof bits);
  return from_bits(sign | bits);
}

template <class T>
T read(const unsigned char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
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
  float values[Isa::kGroup];
#pragma GCC unroll 16
  for (std::size_t l = 0; l < Isa::kGroup; ++l) values[l] = element<kType>(row, lane + l);
  std::memcpy(to, values, sizeof values);
}

template <class V>
float sum_of(V vector) {
  constexpr int kHalf = sizeof(V) / sizeof(float) / 2;
  if constexpr (kHalf == 1) {
    return vector[0] + vector[1];
  } else if constexpr (kHalf == 2) {
    return (vector[0] + vector[2]) + (vector[1] + vector[3]);
  } else if constexpr (kHalf == 4) {
    return sum_of(__builtin_shufflevector(vector, vector, 0, 1, 2, 3) +
                  __builtin_shufflevector(vector, vector, 4, 5, 6, 7));
  } else {
    return sum_of(__builtin_shufflevector(vector, vector, 0, 1, 2, 3, 4, 5, 6, 7) +
                  __builtin_shufflevector(vector, vector, 8, 9, 10, 11, 12, 13, 14, 15));
  }
}

/// The sum of 16 partial sums that lie in vectors.
template <class Isa>
inline float sum_of_lanes(typename Isa::V* sums) {
#pragma GCC unroll 4
  for (std::size_t half = kLanes / Isa::kWidth / 2; half > 0; half /= 2)
    for (std::size_t v = 0; v < half; ++v) sums[v] += sums[v + half];
  if constexpr (Isa::kWidth == 1)
    return sums[0];
  else
    return sum_of(sums[0]);
}

template <class Isa, int kType, std::size_t kRows>
inline void dot_block(const unsigned char* rows, std::size_t row_bytes, const float* x, std::size_t elements,
                      float* out) {
  constexpr std::size_t kVectors = Isa::kGroup / Isa::kWidth;
  using V = typename Isa::V;
  V sums[kRows][kLanes / Isa::kWidth];
  for (std::size_t group = 0; group < kLanes; group += Isa::kGroup) {
    V group_sums[kRows][kVectors] = {};
    for (std::size_t lane = group; lane < elements; lane += kLanes) {
      V inputs[kVectors];
      std::memcpy(inputs, x + lane, sizeof inputs);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRows; ++r) {
        V weights[kVectors];
        Isa::template load<kType>(rows + r * row_bytes, lane, weights);
#pragma GCC unroll 16
        for (std::size_t v = 0; v < kVectors; ++v) group_sums[r][v] += weights[v] * inputs[v];
      }
    }
    for (std::size_t r = 0; r < kRows; ++r)
      std::memcpy(&sums[r][group / Isa::kWidth], group_sums[r], sizeof group_sums[r]);
  }
  for (std::size_t r = 0; r < kRows; ++r) out[r] = sum_of_lanes<Isa>(sums[r]);
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
    V weights[kVectors], sums[kVectors];
    Isa::template load<kType>(row, lane, weights);
    std::memcpy(sums, y + lane, sizeof sums);
#pragma GCC unroll 16
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] += coefficient * weights[v];
    std::memcpy(y + lane, sums, sizeof sums);
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
    std::memcpy(inputs, panel + i * kVectors * Isa::kWidth, sizeof inputs);
#pragma GCC unroll 12
    for (std::size_t r = 0; r < kRows; ++r) {
      const float weight = base[r / 3][r % 3 * stride];
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v) sums[r][v] = Isa::fma(weight, inputs[v], sums[r][v]);
    }
#pragma GCC unroll 4
    for (std::size_t b = 0; b < kBases; ++b) ++base[b];
  }
  std::memcpy(out, sums, sizeof sums);
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
