#pragma once

#include "backends/onednn/context.hpp"
#include "polysem/tensor.hpp"

namespace polysem::onednn {

/// The element type that a product runs on. `round` without `bf16` emulates bf16 where the processor has no
/// such arithmetic: inputs are rounded to bf16 and multiplied in f32, which is exact.
struct ProductType {
  bool bf16 = false;
  bool round = false;
};

/// A matrix ready for a product: the operand itself where its type fits, else a converted copy in scratch
/// memory.
struct ProductInput {
  const std::byte* data = nullptr;
  std::int64_t ld = 0;
};

ProductInput product_input(Context& context, const Tensor& matrix, const ProductType& type,
                           bool without_gaps);

/// `n` elements of a row as `type` wants them; `from` is f32 or bf16.
void convert_row(const void* from, bool from_bf16, const ProductType& type, void* to, std::int64_t n);

}  // namespace polysem::onednn
