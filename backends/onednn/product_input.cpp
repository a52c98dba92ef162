#include "backends/onednn/product_input.hpp"

#include <cstring>

#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void convert_row(const void* from, bool from_bf16, const ProductType& type, void* to, std::int64_t n) {
  const Kernels& kernel = kernels();
  if (from_bf16 && type.bf16) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * 2);
  } else if (from_bf16) {
    kernel.widen(static_cast<const std::uint16_t*>(from), static_cast<float*>(to), n);
  } else if (type.bf16) {
    kernel.narrow(static_cast<const float*>(from), static_cast<std::uint16_t*>(to), n);
  } else if (type.round) {
    kernel.round_to_bf16(static_cast<const float*>(from), static_cast<float*>(to), n);
  } else {
    std::memcpy(to, from, static_cast<std::size_t>(n) * 4);
  }
}

ProductInput product_input(Context& context, const Tensor& matrix, const ProductType& type,
                           bool without_gaps) {
  const bool from_bf16 = matrix.dtype == DType::kBF16;
  const auto* data = data_of<const std::byte>(matrix);
  if (from_bf16 == type.bf16 && (type.bf16 || !type.round) && (matrix.stride == matrix.cols || !without_gaps))
    return {data, matrix.stride};
  const std::int64_t in_size = from_bf16 ? 2 : 4, out_size = type.bf16 ? 2 : 4;
  auto* copy = context.scratch.take<std::byte>(matrix.elements() * out_size);
  Context::parallel_ranges(matrix.rows, rows_a_task(matrix.cols), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r)
      convert_row(data + r * matrix.stride * in_size, from_bf16, type, copy + r * matrix.cols * out_size,
                  matrix.cols);
  });
  return {copy, matrix.cols};
}

}  // namespace polysem::onednn
