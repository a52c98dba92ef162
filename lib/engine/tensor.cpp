#include "polysem/tensor.hpp"

namespace polysem {

std::uint64_t Tensor::span_bytes() const noexcept {
  if (elements() == 0) return 0;
  return static_cast<std::uint64_t>((rows - 1) * stride + cols) * size_of(dtype);
}

Tensor Tensor::row_range(std::int64_t first, std::int64_t count) const noexcept {
  Tensor part = *this;
  part.offset += static_cast<std::uint64_t>(first * stride) * size_of(dtype);
  part.rows = count;
  return part;
}

Tensor Tensor::col_range(std::int64_t first, std::int64_t count) const noexcept {
  Tensor part = *this;
  part.offset += static_cast<std::uint64_t>(first) * size_of(dtype);
  part.cols = count;
  return part;
}

Tensor Tensor::reshaped(std::int64_t new_rows, std::int64_t new_cols) const noexcept {
  Tensor other = *this;
  other.rows = new_rows;
  other.cols = new_cols;
  other.stride = new_cols;
  return other;
}

}  // namespace polysem
