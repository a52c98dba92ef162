#pragma once

#include "backends/cuda/ops.hpp"

namespace polysem::cuda {

/// Like Gemm. kF32 uses every bit of f32, kTF32 may use all or 10 of them. Where cuBLASLt has no algorithm,
/// or the types of A and B differ, a plain kernel does it.
void multiply(const Scope& s, const Gemm& op, const Gemm::Operands& t);

/// An input of products as the precision wants it: a copy of its storage type in the workspace, or as it is.
/// Costs product_input_bytes of workspace.
Tensor product_input(const Scope& s, const Tensor& t, Precision precision);
std::uint64_t product_input_bytes(std::int64_t rows, std::int64_t cols, Precision precision);

}  // namespace polysem::cuda
