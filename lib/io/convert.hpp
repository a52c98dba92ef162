#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "polysem/dtype.hpp"

namespace polysem::io {

/// Little-endian elements of f32, f16, bf16, f64 or an integer type to float; `bytes` holds out.size()
/// elements and need not be aligned. Integers and f64 are rounded to nearest.
void to_f32(DType type, std::span<const std::byte> bytes, std::span<float> out);

/// Elements of any integer type or bool to i64.
void to_i64(DType type, std::span<const std::byte> bytes, std::span<std::int64_t> out);

/// Floats to f32, f16 or bf16, rounded to nearest even.
void from_f32(std::span<const float> values, DType type, std::span<std::byte> out);

inline bool is_float(DType type) noexcept {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16 || type == DType::kF64;
}

/// The type of this stable name ("bf16"), if there is one.
std::optional<DType> dtype_named(std::string_view text) noexcept;

}  // namespace polysem::io
