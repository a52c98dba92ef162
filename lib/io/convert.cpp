#include "lib/io/convert.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace polysem::io {
namespace {

template <class T, class Out, class Convert>
void each(std::span<const std::byte> bytes, std::span<Out> out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = convert(value);
  }
}

template <class Out>
void from_integers(DType type, std::span<const std::byte> bytes, std::span<Out> out) {
  const auto cast = [](auto value) { return static_cast<Out>(value); };
  switch (type) {
    case DType::kI8:
      return each<std::int8_t>(bytes, out, cast);
    case DType::kU8:
      return each<std::uint8_t>(bytes, out, cast);
    case DType::kBool:
      return each<std::uint8_t>(bytes, out, [](std::uint8_t value) { return static_cast<Out>(value != 0); });
    case DType::kI16:
      return each<std::int16_t>(bytes, out, cast);
    case DType::kI32:
      return each<std::int32_t>(bytes, out, cast);
    case DType::kU32:
      return each<std::uint32_t>(bytes, out, cast);
    default:
      return each<std::int64_t>(bytes, out, cast);
  }
}

}  // namespace

void to_f32(DType type, std::span<const std::byte> bytes, std::span<float> out) {
  switch (type) {
    case DType::kF32:
      if (!out.empty()) std::memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
      return;
    case DType::kBF16:
      return each<std::uint16_t>(
          bytes, out, [](std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); });
    case DType::kF16:
      return each<std::uint16_t>(bytes, out, from_f16);
    case DType::kF64:
      return each<double>(bytes, out, [](double value) { return static_cast<float>(value); });
    default:
      return from_integers(type, bytes, out);
  }
}

void to_i64(DType type, std::span<const std::byte> bytes, std::span<std::int64_t> out) {
  from_integers(type, bytes, out);
}

void from_f32(std::span<const float> values, DType type, std::span<std::byte> out) {
  if (type == DType::kF32) {
    if (!values.empty()) std::memcpy(out.data(), values.data(), values.size_bytes());
    return;
  }
  const auto convert = type == DType::kF16 ? to_f16 : to_bf16;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = convert(values[i]);
    std::memcpy(out.data() + 2 * i, &bits, 2);
  }
}

std::optional<DType> dtype_named(std::string_view text) noexcept {
  constexpr std::array kAll = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kI8,  DType::kU8,
                               DType::kI16, DType::kI32, DType::kU32,  DType::kI64, DType::kBool};
  for (const DType type : kAll)
    if (name(type) == text) return type;
  return std::nullopt;
}

}  // namespace polysem::io
