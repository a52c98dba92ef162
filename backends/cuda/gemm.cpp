#include "backends/cuda/product.hpp"

namespace polysem::cuda {

namespace {

std::int64_t rows_of_a(const Gemm& op) { return op.batch * (op.transpose_a ? op.k : op.m); }
std::int64_t rows_of_b(const Gemm& op) {
  return (op.shared_b ? 1 : op.batch) * (op.transpose_b ? op.n : op.k);
}

}  // namespace

std::uint64_t workspace_of(const Gemm& op) {
  return product_input_bytes(rows_of_a(op), op.transpose_a ? op.m : op.k, op.precision) +
         product_input_bytes(rows_of_b(op), op.transpose_b ? op.k : op.n, op.precision);
}

void enqueue(const Scope& s, const Gemm& op, const Gemm::Operands& t) {
  Gemm::Operands inputs = t;
  inputs.a = product_input(s, t.a, op.precision);
  inputs.b = product_input(s, t.b, op.precision);
  multiply(s, op, inputs);
}

}  // namespace polysem::cuda
