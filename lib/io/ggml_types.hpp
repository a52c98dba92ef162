#pragma once

#include <cstddef>
#include <cstdint>

namespace polysem {

/// How a GGML type stores values: blocks of `values` values in `bytes` bytes; `expand` turns whole blocks
/// into f32, or is null for the types that this project does not read.
struct GgmlType {
  std::uint32_t id;
  const char* name;
  std::uint32_t values;
  std::uint32_t bytes;
  void (*expand)(const std::byte* blocks, std::size_t count, float* out);
};

/// Null for an unknown number.
const GgmlType* find_ggml_type(std::uint32_t id) noexcept;

}  // namespace polysem
