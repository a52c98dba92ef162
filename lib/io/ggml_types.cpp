#include "lib/io/ggml_types.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "polysem/dtype.hpp"
#include "polysem/gguf.hpp"

// Block formats as defined in ggml-common.h of ggml. Scales are IEEE halves; quants are packed low nibble
// first.
namespace polysem {

namespace {

float half_at(const std::byte* p) {
  std::uint16_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return from_f16(bits);
}

int at(const std::byte* p, std::size_t i) { return std::to_integer<int>(p[i]); }

void expand_f32(const std::byte* blocks, std::size_t count, float* out) {
  std::memcpy(out, blocks, count * sizeof(float));
}

void expand_f16(const std::byte* blocks, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = half_at(blocks + 2 * i);
}

void expand_bf16(const std::byte* blocks, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, blocks + 2 * i, sizeof bits);
    out[i] = from_bf16(bits);
  }
}

// Scale d, 32 x i8.
void expand_q8_0(const std::byte* blocks, std::size_t count, float* out) {
  for (std::size_t b = 0; b < count; ++b, blocks += 34, out += 32) {
    const float d = half_at(blocks);
    for (std::size_t i = 0; i < 32; ++i)
      out[i] = d * static_cast<float>(static_cast<std::int8_t>(blocks[2 + i]));
  }
}

// Scale d, 16 bytes: byte i holds value i (low) and i + 16 (high), both with 8 taken off.
void expand_q4_0(const std::byte* blocks, std::size_t count, float* out) {
  for (std::size_t b = 0; b < count; ++b, blocks += 18, out += 32) {
    const float d = half_at(blocks);
    for (std::size_t i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>((at(blocks, 2 + i) & 15) - 8);
      out[i + 16] = d * static_cast<float>((at(blocks, 2 + i) >> 4) - 8);
    }
  }
}

// Scale d, minimum m, 16 bytes as above.
void expand_q4_1(const std::byte* blocks, std::size_t count, float* out) {
  for (std::size_t b = 0; b < count; ++b, blocks += 20, out += 32) {
    const float d = half_at(blocks), m = half_at(blocks + 2);
    for (std::size_t i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(at(blocks, 4 + i) & 15) + m;
      out[i + 16] = d * static_cast<float>(at(blocks, 4 + i) >> 4) + m;
    }
  }
}

// Eight 6-bit scales and eight 6-bit minima in 12 bytes: the first four in the low six bits of bytes 0..3
// and 4..7, the last four in the nibbles of bytes 8..11 with their upper bits on top of bytes 0..7.
void scale_and_minimum(const std::byte* packed, std::size_t j, int& scale, int& minimum) {
  if (j < 4) {
    scale = at(packed, j) & 63;
    minimum = at(packed, j + 4) & 63;
  } else {
    scale = (at(packed, j + 4) & 15) | ((at(packed, j - 4) >> 6) << 4);
    minimum = (at(packed, j + 4) >> 4) | ((at(packed, j) >> 6) << 4);
  }
}

// 256 values: d, dmin, 12 bytes of scales, then four times 32 bytes whose low nibbles are one sub-block of 32
// and whose high nibbles the next.
void expand_q4_k(const std::byte* blocks, std::size_t count, float* out) {
  for (std::size_t b = 0; b < count; ++b, blocks += 144) {
    const float d = half_at(blocks), dmin = half_at(blocks + 2);
    for (std::size_t j = 0; j < 8; ++j, out += 32) {
      int scale, minimum;
      scale_and_minimum(blocks + 4, j, scale, minimum);
      const float step = d * static_cast<float>(scale), low = dmin * static_cast<float>(minimum);
      const std::byte* quants = blocks + 16 + 32 * (j / 2);
      const int shift = j % 2 == 0 ? 0 : 4;
      for (std::size_t i = 0; i < 32; ++i)
        out[i] = step * static_cast<float>((at(quants, i) >> shift) & 15) - low;
    }
  }
}

// 256 values in two halves of 128: 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales
// (one for 16 values), d. In a half, value 32 q + i has its nibble in byte 32 (q mod 2) + i (high for q > 1),
// its pair at bits 2 q of byte i.
void expand_q6_k(const std::byte* blocks, std::size_t count, float* out) {
  for (std::size_t b = 0; b < count; ++b, blocks += 210) {
    const float d = half_at(blocks + 208);
    for (std::size_t half = 0; half < 2; ++half, out += 128) {
      const std::byte* low = blocks + 64 * half;
      const std::byte* high = blocks + 128 + 32 * half;
      const std::byte* scales = blocks + 192 + 8 * half;
      for (std::size_t j = 0; j < 128; ++j) {
        const std::size_t q = j / 32, i = j % 32;
        const int nibble = (at(low, 32 * (q % 2) + i) >> (q < 2 ? 0 : 4)) & 15;
        const int pair = (at(high, i) >> (2 * q)) & 3;
        const float step = d * static_cast<float>(static_cast<std::int8_t>(scales[j / 16]));
        out[j] = step * static_cast<float>((nibble | (pair << 4)) - 32);
      }
    }
  }
}

constexpr GgmlType kTypes[] = {
    {0, "F32", 1, 4, expand_f32},        {1, "F16", 1, 2, expand_f16},
    {2, "Q4_0", 32, 18, expand_q4_0},    {3, "Q4_1", 32, 20, expand_q4_1},
    {6, "Q5_0", 32, 22, nullptr},        {7, "Q5_1", 32, 24, nullptr},
    {8, "Q8_0", 32, 34, expand_q8_0},    {9, "Q8_1", 32, 36, nullptr},
    {10, "Q2_K", 256, 84, nullptr},      {11, "Q3_K", 256, 110, nullptr},
    {12, "Q4_K", 256, 144, expand_q4_k}, {13, "Q5_K", 256, 176, nullptr},
    {14, "Q6_K", 256, 210, expand_q6_k}, {15, "Q8_K", 256, 292, nullptr},
    {24, "I8", 1, 1, nullptr},           {25, "I16", 1, 2, nullptr},
    {26, "I32", 1, 4, nullptr},          {27, "I64", 1, 8, nullptr},
    {28, "F64", 1, 8, nullptr},          {30, "BF16", 1, 2, expand_bf16},
};

}  // namespace

const GgmlType* find_ggml_type(std::uint32_t id) noexcept {
  const auto* found =
      std::find_if(std::begin(kTypes), std::end(kTypes), [id](const GgmlType& t) { return t.id == id; });
  return found == std::end(kTypes) ? nullptr : found;
}

std::string ggml_type_name(std::uint32_t type) {
  const GgmlType* known = find_ggml_type(type);
  return known != nullptr ? known->name : "type " + std::to_string(type);
}

}  // namespace polysem
