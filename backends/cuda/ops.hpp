#pragma once

#include "backends/cuda/stream.hpp"
#include "backends/cuda/workspace.hpp"
#include "polysem/backend.hpp"

/// One function an op, each in the file of the op's name: enqueues the op's kernels. Operands are validated
/// before they come here. Ids and offsets in memory are not checked: a kernel neither reads nor writes
/// outside its operands, and what it computes from bad ones is undefined.
namespace polysem::cuda {

/// What an op is enqueued into.
struct Scope {
  Stream& stream;
  Workspace workspace;
};

void enqueue(const Scope& s, const Gemm& op, const Gemm::Operands& t);
void enqueue(const Scope& s, const Elementwise& op, const Elementwise::Operands& t);
void enqueue(const Scope& s, const Reduce& op, const Reduce::Operands& t);
void enqueue(const Scope& s, const Fill& op, const Fill::Operands& t);
void enqueue(const Scope& s, const RandomFill& op, const RandomFill::Operands& t);
void enqueue(const Scope& s, const GatherRows& op, const GatherRows::Operands& t);
void enqueue(const Scope& s, const ScatterRows& op, const ScatterRows::Operands& t);
void enqueue(const Scope& s, const AdamUpdate& op, const AdamUpdate::Operands& t);
void enqueue(const Scope& s, const ProjectRows& op, const ProjectRows::Operands& t);
void enqueue(const Scope& s, const NormalizeRows& op, const NormalizeRows::Operands& t);
void enqueue(const Scope& s, const EncodeTopK& op, const EncodeTopK::Operands& t);
void enqueue(const Scope& s, const EncodeThreshold& op, const EncodeThreshold::Operands& t);
void enqueue(const Scope& s, const EncodeBatchTopK& op, const EncodeBatchTopK::Operands& t);
void enqueue(const Scope& s, const SparseDecode& op, const SparseDecode::Operands& t);
void enqueue(const Scope& s, const SparseGradValues& op, const SparseGradValues::Operands& t);
void enqueue(const Scope& s, const ThresholdGrad& op, const ThresholdGrad::Operands& t);
void enqueue(const Scope& s, const TransposeCodes& op, const TransposeCodes::Operands& t);
void enqueue(const Scope& s, const LatentGrad& op, const LatentGrad::Operands& t);
void enqueue(const Scope& s, const LatentUpdate& op, const LatentUpdate::Operands& t);
void enqueue(const Scope& s, const FiringStats& op, const FiringStats::Operands& t);
void enqueue(const Scope& s, const ScatterDense& op, const ScatterDense::Operands& t);
void enqueue(const Scope& s, const FeatureFill& op, const FeatureFill::Operands& t);
void enqueue(const Scope& s, const ToyGrad& op, const ToyGrad::Operands& t);
void enqueue(const Scope& s, const TiedGrad& op, const TiedGrad::Operands& t);

/// Ops that this backend has.
template <class O>
concept Enqueued = requires(const Scope& s, const O& op, const typename O::Operands& t) {
  enqueue(s, op, t);
};

/// Bytes of workspace; most ops need none.
template <class O>
std::uint64_t workspace_of(const O&) {
  return 0;
}
std::uint64_t workspace_of(const Gemm& op);
std::uint64_t workspace_of(const Reduce& op);
std::uint64_t workspace_of(const EncodeTopK& op);
std::uint64_t workspace_of(const EncodeThreshold& op);
std::uint64_t workspace_of(const EncodeBatchTopK& op);
std::uint64_t workspace_of(const TransposeCodes& op);
std::uint64_t workspace_of(const LatentUpdate& op);
std::uint64_t workspace_of(const ToyGrad& op);
std::uint64_t workspace_of(const TiedGrad& op);

/// Why an op's numbers are beyond this backend, or yes.
template <class O>
Support limits_of(const O&) {
  return Support::yes();
}
Support limits_of(const LatentUpdate& op);
Support limits_of(const ToyGrad& op);
Support limits_of(const TiedGrad& op);

}  // namespace polysem::cuda
