#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "polysem/core.h"

namespace polysem::io {

/// Rows of an encoder or decoder as lib/core/model_format.hpp has them.
struct CoreRows {
  std::vector<std::byte> bytes;
  std::vector<float> scales;  ///< [rows], int8 and int4
};

/// Rounds `values` [rows, d], which are finite. Throws Error{kInvalidArgument} where f16 is too small; `what`
/// names them.
CoreRows round_rows(std::span<const float> values, std::uint32_t d, polysem_dtype dtype,
                    std::string_view what);

/// What `count` rows stand for, [count, d]. `scales` [count] for int8 and int4.
std::vector<float> widen_rows(const unsigned char* bytes, const float* scales, std::uint32_t count,
                              std::uint32_t d, polysem_dtype dtype);

}  // namespace polysem::io
