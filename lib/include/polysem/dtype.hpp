#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace polysem {

/// Element types of tensors in memory and in files. Backends compute on f32, bf16, i32 and u32, some on
/// f16; the rest occurs in files.
enum class DType : std::uint8_t { kF32, kF16, kBF16, kF64, kI8, kU8, kI16, kI32, kU32, kI64, kBool };

/// Bytes of one element.
std::size_t size_of(DType type) noexcept;

/// Stable lower-case name: "f32", "f16", "bf16", "f64", "i8", "u8", "i16", "i32", "u32", "i64", "bool".
std::string_view name(DType type) noexcept;

/// bfloat16 bits of a float, rounded to nearest even; NaN stays NaN.
std::uint16_t to_bf16(float value) noexcept;
float from_bf16(std::uint16_t bits) noexcept;

/// IEEE half bits of a float, rounded to nearest even, overflow to infinity; NaN stays NaN.
std::uint16_t to_f16(float value) noexcept;
float from_f16(std::uint16_t bits) noexcept;

}  // namespace polysem
