#pragma once

#include "backends/onednn/context.hpp"
#include "polysem/op.hpp"

/// One function an op, each in the file of the op's name. Operands are validated before they come here; what
/// a validation of shapes cannot see (ids and offsets in memory) is checked here.
namespace polysem::onednn {

void run(Context& context, const Gemm& op, const Gemm::Operands& t);
void run(Context& context, const Elementwise& op, const Elementwise::Operands& t);
void run(Context& context, const Reduce& op, const Reduce::Operands& t);
void run(Context& context, const Fill& op, const Fill::Operands& t);
void run(Context& context, const RandomFill& op, const RandomFill::Operands& t);
void run(Context& context, const GatherRows& op, const GatherRows::Operands& t);
void run(Context& context, const ScatterRows& op, const ScatterRows::Operands& t);
void run(Context& context, const AdamUpdate& op, const AdamUpdate::Operands& t);
void run(Context& context, const ProjectRows& op, const ProjectRows::Operands& t);
void run(Context& context, const NormalizeRows& op, const NormalizeRows::Operands& t);
void run(Context& context, const EncodeTopK& op, const EncodeTopK::Operands& t);
void run(Context& context, const EncodeThreshold& op, const EncodeThreshold::Operands& t);
void run(Context& context, const EncodeBatchTopK& op, const EncodeBatchTopK::Operands& t);
void run(Context& context, const ThresholdGrad& op, const ThresholdGrad::Operands& t);
void run(Context& context, const SparseDecode& op, const SparseDecode::Operands& t);
void run(Context& context, const SparseGradValues& op, const SparseGradValues::Operands& t);
void run(Context& context, const TransposeCodes& op, const TransposeCodes::Operands& t);
void run(Context& context, const LatentGrad& op, const LatentGrad::Operands& t);
void run(Context& context, const LatentUpdate& op, const LatentUpdate::Operands& t);
void run(Context& context, const FiringStats& op, const FiringStats::Operands& t);
void run(Context& context, const ScatterDense& op, const ScatterDense::Operands& t);
void run(Context& context, const RmsNorm& op, const RmsNorm::Operands& t);
void run(Context& context, const Rope& op, const Rope::Operands& t);
void run(Context& context, const Attention& op, const Attention::Operands& t);
void run(Context& context, const CrossEntropy& op, const CrossEntropy::Operands& t);
void run(Context& context, const KlDivergence& op, const KlDivergence::Operands& t);
void run(Context& context, const FeatureFill& op, const FeatureFill::Operands& t);
void run(Context& context, const ToyGrad& op, const ToyGrad::Operands& t);
void run(Context& context, const TiedGrad& op, const TiedGrad::Operands& t);

}  // namespace polysem::onednn
