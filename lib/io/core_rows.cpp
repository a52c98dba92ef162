#include "lib/io/core_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "lib/core/model_format.hpp"
#include "polysem/dtype.hpp"
#include "polysem/error.hpp"

namespace polysem::io {

namespace {

using core::kRowGranule;

struct Range {
  int lowest, highest;
};
constexpr Range kInt8{-127, 127}, kInt4{-8, 7};

int quantum(float value, float scale, const Range& range) {
  return scale > 0 ? std::clamp(static_cast<int>(std::lround(value / scale)), range.lowest, range.highest)
                   : 0;
}

double squared_error(std::span<const float> row, float scale, const Range& range) {
  double sum = 0;
  for (const float value : row) {
    const double error = value - double{scale} * quantum(value, scale, range);
    sum += error * error;
  }
  return sum;
}

/// Cutting the few largest numbers short makes the steps of all others finer: the shares of the largest
/// magnitude that are tried. With 127 steps there is nothing to gain, with 7 there is.
float best_scale(std::span<const float> row, const Range& range) {
  float largest = 0;
  for (const float value : row) largest = std::max(largest, std::abs(value));
  const float whole = largest / static_cast<float>(range.highest);
  if (range.highest == kInt8.highest) return whole;
  float best = whole;
  double least = squared_error(row, whole, range);
  for (int percent = 95; percent >= 50; percent -= 5) {
    const float scale = whole * static_cast<float>(percent) / 100.0f;
    const double error = squared_error(row, scale, range);
    if (error < least) least = error, best = scale;
  }
  return best;
}

void put_row(std::span<const float> row, float scale, polysem_dtype dtype, std::byte* to) {
  for (std::size_t j = 0; j < row.size(); ++j) {
    if (dtype == POLYSEM_F32) {
      std::memcpy(to + 4 * j, &row[j], 4);
    } else if (dtype == POLYSEM_F16 || dtype == POLYSEM_BF16) {
      const std::uint16_t bits = dtype == POLYSEM_F16 ? to_f16(row[j]) : to_bf16(row[j]);
      std::memcpy(to + 2 * j, &bits, 2);
    } else if (dtype == POLYSEM_INT8) {
      to[j] = static_cast<std::byte>(quantum(row[j], scale, kInt8));
    } else {
      const unsigned shift = j % kRowGranule < kRowGranule / 2 ? 0 : 4;
      std::byte& pair = to[j / kRowGranule * (kRowGranule / 2) + j % (kRowGranule / 2)];
      const auto q = static_cast<unsigned>(quantum(row[j], scale, kInt4) + 8);
      pair = (pair & ~(std::byte{15} << shift)) | (static_cast<std::byte>(q) << shift);
    }
  }
}

bool fits(float value, polysem_dtype dtype) {
  if (dtype == POLYSEM_F16) return (to_f16(value) & 0x7c00) != 0x7c00;
  if (dtype == POLYSEM_BF16) return (to_bf16(value) & 0x7f80) != 0x7f80;
  return true;
}

}  // namespace

CoreRows round_rows(std::span<const float> values, std::uint32_t d, polysem_dtype dtype,
                    std::string_view what) {
  const std::size_t rows = values.size() / d, bytes = core::row_bytes(static_cast<std::uint8_t>(dtype), d);
  CoreRows made;
  made.bytes.assign(rows * bytes, dtype == POLYSEM_INT4 ? std::byte{0x88} : std::byte{0});
  for (std::size_t r = 0; r < rows; ++r) {
    const auto row = values.subspan(r * d, d);
    for (const float value : row)
      if (!fits(value, dtype))
        throw Error(ErrorCode::kInvalidArgument, std::string(what) + " of latent " + std::to_string(r) +
                                                     " holds " + std::to_string(value) +
                                                     ", which the number format cannot; f32 can");
    float scale = 0;
    if (dtype >= POLYSEM_INT8)
      made.scales.push_back(scale = best_scale(row, dtype == POLYSEM_INT8 ? kInt8 : kInt4));
    put_row(row, scale, dtype, made.bytes.data() + r * bytes);
  }
  return made;
}

std::vector<float> widen_rows(const unsigned char* bytes, const float* scales, std::uint32_t count,
                              std::uint32_t d, polysem_dtype dtype) {
  std::vector<float> values;
  values.reserve(std::size_t{count} * d);
  const std::size_t row_bytes = core::row_bytes(static_cast<std::uint8_t>(dtype), d);
  for (std::size_t r = 0; r < count; ++r) {
    const unsigned char* row = bytes + r * row_bytes;
    for (std::size_t j = 0; j < d; ++j) {
      std::uint16_t half = 0;
      float value = 0;
      if (dtype == POLYSEM_F32) std::memcpy(&value, row + 4 * j, 4);
      if (dtype == POLYSEM_F16 || dtype == POLYSEM_BF16) std::memcpy(&half, row + 2 * j, 2);
      if (dtype == POLYSEM_F16) value = from_f16(half);
      if (dtype == POLYSEM_BF16) value = from_bf16(half);
      if (dtype == POLYSEM_INT8) value = scales[r] * static_cast<float>(static_cast<signed char>(row[j]));
      if (dtype == POLYSEM_INT4) {
        const unsigned pair = row[j / kRowGranule * (kRowGranule / 2) + j % (kRowGranule / 2)];
        const unsigned q = j % kRowGranule < kRowGranule / 2 ? pair & 15 : pair >> 4;
        value = scales[r] * (static_cast<float>(q) - 8.0f);
      }
      values.push_back(value);
    }
  }
  return values;
}

}  // namespace polysem::io
