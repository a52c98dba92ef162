#pragma once

#include "polysem/op.hpp"

/// One function an op, each in the file of the op's name. Operands are validated before they come here; what
/// a validation of shapes cannot see (ids and offsets in memory) is checked here.
namespace polysem::reference {

void run(const Gemm& op, const Gemm::Operands& t);
void run(const Elementwise& op, const Elementwise::Operands& t);
void run(const Reduce& op, const Reduce::Operands& t);
void run(const Fill& op, const Fill::Operands& t);
void run(const RandomFill& op, const RandomFill::Operands& t);
void run(const GatherRows& op, const GatherRows::Operands& t);
void run(const ScatterRows& op, const ScatterRows::Operands& t);
void run(const AdamUpdate& op, const AdamUpdate::Operands& t);
void run(const ProjectRows& op, const ProjectRows::Operands& t);
void run(const NormalizeRows& op, const NormalizeRows::Operands& t);
void run(const EncodeTopK& op, const EncodeTopK::Operands& t);
void run(const EncodeThreshold& op, const EncodeThreshold::Operands& t);
void run(const EncodeBatchTopK& op, const EncodeBatchTopK::Operands& t);
void run(const ThresholdGrad& op, const ThresholdGrad::Operands& t);
void run(const SparseDecode& op, const SparseDecode::Operands& t);
void run(const SparseGradValues& op, const SparseGradValues::Operands& t);
void run(const TransposeCodes& op, const TransposeCodes::Operands& t);
void run(const LatentGrad& op, const LatentGrad::Operands& t);
void run(const LatentUpdate& op, const LatentUpdate::Operands& t);
void run(const FiringStats& op, const FiringStats::Operands& t);
void run(const ScatterDense& op, const ScatterDense::Operands& t);
void run(const RmsNorm& op, const RmsNorm::Operands& t);
void run(const Rope& op, const Rope::Operands& t);
void run(const Attention& op, const Attention::Operands& t);
void run(const CrossEntropy& op, const CrossEntropy::Operands& t);
void run(const KlDivergence& op, const KlDivergence::Operands& t);
void run(const FeatureFill& op, const FeatureFill::Operands& t);
void run(const ToyGrad& op, const ToyGrad::Operands& t);
void run(const TiedGrad& op, const TiedGrad::Operands& t);

}  // namespace polysem::reference
