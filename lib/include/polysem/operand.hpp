#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

#include "polysem/tensor.hpp"

namespace polysem {

/// Arithmetic of the expensive products: what their inputs are rounded to. Accumulation is always at least
/// f32, master weights and moments are f32.
enum class Precision : std::uint8_t {
  kF32,
  kTF32,  ///< f32 with 10 bits of fraction, as NVIDIA's tensor cores read it
  kBF16,
  kF16,
};
inline constexpr std::array kPrecisions = {Precision::kF32, Precision::kTF32, Precision::kBF16,
                                           Precision::kF16};
/// "f32", "tf32", "bf16", "f16".
std::string_view name(Precision precision) noexcept;
/// The precision of that name, if there is one.
std::optional<Precision> precision_of(std::string_view name) noexcept;
/// Element type that inputs of products of this precision are best kept in.
DType storage_type(Precision precision) noexcept;

/// What an op does with an operand: from this a backend derives barriers and tests derive guard checks.
enum class Access : std::uint8_t { kRead, kWrite, kUpdate };

/// A set of element types.
struct TypeSet {
  std::uint32_t bits = 0;
  constexpr bool contains(DType type) const noexcept { return (bits >> static_cast<unsigned>(type)) & 1u; }
};
template <class... Types>
constexpr TypeSet types(Types... list) noexcept {
  return {((1u << static_cast<unsigned>(list)) | ... | 0u)};
}
inline constexpr TypeSet kF32Only = types(DType::kF32);
inline constexpr TypeSet kFloats = types(DType::kF32, DType::kBF16, DType::kF16);
inline constexpr TypeSet kI32Only = types(DType::kI32);
inline constexpr TypeSet kU32Only = types(DType::kU32);

/// What an op expects of one operand.
struct OperandSpec {
  std::string_view name;
  Access access;
  TypeSet types;
  std::int64_t rows;
  std::int64_t cols;
  bool optional = false;
};

/// Number of tensors in an op's `Operands`, a struct of nothing but Tensors.
template <class Op>
inline constexpr std::size_t kOperandCount = sizeof(typename Op::Operands) / sizeof(Tensor);

template <class Op>
using OperandArray = std::array<Tensor, kOperandCount<Op>>;

/// Operands by name to operands by position, in the order of Op::specs(), and back.
template <class Op>
OperandArray<Op> pack(const typename Op::Operands& operands) noexcept {
  return std::bit_cast<OperandArray<Op>>(operands);
}
template <class Op, class Span>
typename Op::Operands unpack(const Span& tensors) noexcept {
  OperandArray<Op> array;
  for (std::size_t i = 0; i < array.size(); ++i) array[i] = tensors[i];
  return std::bit_cast<typename Op::Operands>(array);
}

}  // namespace polysem
