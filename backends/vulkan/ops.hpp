#pragma once

#include "backends/vulkan/recording.hpp"
#include "backends/vulkan/workspace.hpp"
#include "polysem/op.hpp"

/// One function an op, each in the file of the op's name: records the op's dispatches. Operands are validated
/// before they come here. Ids and offsets in memory are not checked: a shader neither reads nor writes
/// outside its operands, and what it computes from bad ones is undefined.
namespace polysem::vulkan {

/// What an op records into.
struct Scope {
  const Device& device;
  Recording& recording;
  Workspace workspace;

  View view(const Tensor& tensor) const { return view_of(device, tensor); }
  /// Groups of 64 threads, a thread an element.
  Grid elements_grid(std::int64_t elements) const {
    return recording.rows_grid((static_cast<std::uint64_t>(elements) + 63) / 64);
  }
};

/// A size as shaders take it. Windows keep those that matter small enough.
constexpr std::uint32_t u32(std::int64_t value) noexcept { return static_cast<std::uint32_t>(value); }

void record(const Scope& s, const Gemm& op, const Gemm::Operands& t);
void record(const Scope& s, const Elementwise& op, const Elementwise::Operands& t);
void record(const Scope& s, const Reduce& op, const Reduce::Operands& t);
void record(const Scope& s, const Fill& op, const Fill::Operands& t);
void record(const Scope& s, const RandomFill& op, const RandomFill::Operands& t);
void record(const Scope& s, const GatherRows& op, const GatherRows::Operands& t);
void record(const Scope& s, const ScatterRows& op, const ScatterRows::Operands& t);
void record(const Scope& s, const AdamUpdate& op, const AdamUpdate::Operands& t);
void record(const Scope& s, const ProjectRows& op, const ProjectRows::Operands& t);
void record(const Scope& s, const NormalizeRows& op, const NormalizeRows::Operands& t);
void record(const Scope& s, const EncodeTopK& op, const EncodeTopK::Operands& t);
void record(const Scope& s, const EncodeThreshold& op, const EncodeThreshold::Operands& t);
void record(const Scope& s, const EncodeBatchTopK& op, const EncodeBatchTopK::Operands& t);
void record(const Scope& s, const ThresholdGrad& op, const ThresholdGrad::Operands& t);
void record(const Scope& s, const SparseDecode& op, const SparseDecode::Operands& t);
void record(const Scope& s, const SparseGradValues& op, const SparseGradValues::Operands& t);
void record(const Scope& s, const TransposeCodes& op, const TransposeCodes::Operands& t);
void record(const Scope& s, const LatentGrad& op, const LatentGrad::Operands& t);
void record(const Scope& s, const LatentUpdate& op, const LatentUpdate::Operands& t);
void record(const Scope& s, const FiringStats& op, const FiringStats::Operands& t);
void record(const Scope& s, const ScatterDense& op, const ScatterDense::Operands& t);
void record(const Scope& s, const FeatureFill& op, const FeatureFill::Operands& t);
void record(const Scope& s, const ToyGrad& op, const ToyGrad::Operands& t);
void record(const Scope& s, const TiedGrad& op, const TiedGrad::Operands& t);

/// Ops that this backend has.
template <class O>
concept Recorded = requires(const Scope& s, const O& op, const typename O::Operands& t) {
  record(s, op, t);
};

/// Bytes of workspace; most ops need none.
template <class O>
std::uint64_t workspace_of(const Device&, const O&) {
  return 0;
}

std::uint64_t workspace_of(const Device& device, const Reduce& op);
std::uint64_t workspace_of(const Device& device, const EncodeTopK& op);
std::uint64_t workspace_of(const Device& device, const EncodeThreshold& op);
std::uint64_t workspace_of(const Device& device, const EncodeBatchTopK& op);
std::uint64_t workspace_of(const Device& device, const SparseDecode& op);
std::uint64_t workspace_of(const Device& device, const TransposeCodes& op);
std::uint64_t workspace_of(const Device& device, const LatentUpdate& op);
std::uint64_t workspace_of(const Device& device, const ToyGrad& op);
std::uint64_t workspace_of(const Device& device, const TiedGrad& op);

/// Why an op's numbers are beyond this device, or yes.
template <class O>
Support limits_of(const Device&, const O&) {
  return Support::yes();
}

Support limits_of(const Device& device, const Reduce& op);
Support limits_of(const Device& device, const EncodeTopK& op);
// Codes of variable row length come in one piece.
template <class O>
requires std::is_same_v<O, SparseDecode> || std::is_same_v<O, SparseGradValues> ||
    std::is_same_v<O, ScatterDense>
        Support limits_of(const Device& device, const O& op) {
  return op.k > 0 ? Support::yes() : list_fits(device, op.capacity);
}
Support limits_of(const Device& device, const EncodeThreshold& op);
Support limits_of(const Device& device, const EncodeBatchTopK& op);
Support limits_of(const Device& device, const TransposeCodes& op);
Support limits_of(const Device& device, const LatentGrad& op);
Support limits_of(const Device& device, const LatentUpdate& op);
Support limits_of(const Device& device, const FeatureFill& op);
Support limits_of(const Device& device, const ToyGrad& op);
Support limits_of(const Device& device, const TiedGrad& op);
// A kind that came later than the shader.
inline Support limits_of(const Device&, const Elementwise& op) {
  return op.kind <= Elementwise::Kind::kGate ? Support::yes() : Support::no("its shader lacks this kind");
}

/// Floating-point operations, for those that may take long.
template <class O>
double work_of(const O&) {
  return 0;
}
inline double work_of(const Gemm& op) {
  return 2.0 * static_cast<double>(op.batch) * static_cast<double>(op.m) * static_cast<double>(op.n) *
         static_cast<double>(op.k);
}
template <class O>
requires std::is_same_v<O, EncodeTopK> || std::is_same_v<O, EncodeThreshold> ||
    std::is_same_v<O, EncodeBatchTopK>
double work_of(const O& op) {
  return 2.0 * static_cast<double>(op.rows) * static_cast<double>(op.d_in) * static_cast<double>(op.latents);
}

}  // namespace polysem::vulkan
