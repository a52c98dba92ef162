#pragma once

#include "backends/cuda/stream.hpp"
#include "polysem/ops_dense.hpp"

namespace polysem::cuda {

/// C = alpha op(A) op(B) + beta C by cuBLASLt, without bias and ReLU, where A and B have the type that the
/// precision means; false where they do not, or where the library has no algorithm for it.
bool lt_product(Stream& stream, const Gemm& op, const Gemm::Operands& t);

}  // namespace polysem::cuda
