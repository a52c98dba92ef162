#include "lib/io/safetensors_types.hpp"

#include <array>
#include <utility>

namespace polysem::io {
namespace {

constexpr std::array<std::pair<DType, std::string_view>, 11> kNames = {{
    {DType::kF32, "F32"},
    {DType::kF16, "F16"},
    {DType::kBF16, "BF16"},
    {DType::kF64, "F64"},
    {DType::kI8, "I8"},
    {DType::kU8, "U8"},
    {DType::kI16, "I16"},
    {DType::kI32, "I32"},
    {DType::kU32, "U32"},
    {DType::kI64, "I64"},
    {DType::kBool, "BOOL"},
}};

}  // namespace

std::optional<DType> safetensors_dtype(std::string_view text) noexcept {
  for (const auto& [type, spelled] : kNames)
    if (spelled == text) return type;
  return std::nullopt;
}

std::string_view safetensors_name(DType type) noexcept {
  for (const auto& [known, spelled] : kNames)
    if (known == type) return spelled;
  return "?";
}

std::string format_shape(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const auto size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

}  // namespace polysem::io
