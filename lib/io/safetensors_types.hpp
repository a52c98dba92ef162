#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "polysem/dtype.hpp"

namespace polysem::io {

/// The type that a safetensors header calls so ("BF16"), if polysem knows it.
std::optional<DType> safetensors_dtype(std::string_view text) noexcept;
std::string_view safetensors_name(DType type) noexcept;

/// "[2, 3]"
std::string format_shape(std::span<const std::int64_t> shape);

}  // namespace polysem::io
