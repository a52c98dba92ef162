#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "polysem/ops_dense.hpp"
#include "polysem/ops_sparse.hpp"
#include "polysem/ops_tied.hpp"
#include "polysem/ops_toy.hpp"
#include "polysem/ops_transformer.hpp"

namespace polysem {

/// Every op there is. Support, validation, printing, tests and benchmarks are tables over this list; a new op
/// is a struct and one entry here.
using Op = std::variant<Gemm, Elementwise, Reduce, Fill, RandomFill, GatherRows, ScatterRows, AdamUpdate,
                        ProjectRows, NormalizeRows, EncodeTopK, EncodeThreshold, EncodeBatchTopK,
                        SparseDecode, SparseGradValues, ThresholdGrad, TransposeCodes, LatentGrad,
                        LatentUpdate, FiringStats, ScatterDense, RmsNorm, Rope, Attention, CrossEntropy,
                        KlDivergence, FeatureFill, ToyGrad, TiedGrad>;

/// Stable name, for instance "encode_topk".
std::string_view name(const Op& op) noexcept;
/// Name and numbers on one line: "encode_topk rows=64 d_in=16 latents=128 k=4 candidates=0 precision=0".
std::string to_string(const Op& op);
/// The operands in order.
std::vector<OperandSpec> specs(const Op& op);

/// Checks an op's numbers and its operands (count, presence, types, shapes, strides, bounds, overlap of
/// outputs). Throws Error{kInvalidArgument} that names op, operand, expected and found.
void validate(const Op& op, std::span<const Tensor> operands);

}  // namespace polysem
