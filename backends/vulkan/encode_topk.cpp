#include <algorithm>

#include "backends/vulkan/pre_activations.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, n, k;
  std::uint32_t h_first, h_stride, scale_first, candidates_first, values_first, ids_first, nonfinite_first;
  std::uint32_t group, groups;
  std::uint32_t has_scale, has_candidates, has_nonfinite;
};

// As in shaders/select_topk.comp.
constexpr std::int64_t kGroup = 32, kMostGroups = 2048, kMostChosen = 1024;

std::int64_t taking_part(const EncodeTopK& op) { return op.candidates > 0 ? op.candidates : op.latents; }

void record_selection(const Scope& s, const EncodeTopK& op, const EncodeTopK::Operands& t, const Tensor& h,
                      std::int64_t row) {
  static const std::size_t shader = shader_index("select_topk");
  const std::int64_t n = taking_part(op);
  const std::int64_t group = std::max(kGroup, (n + kMostGroups - 1) / kMostGroups);
  const std::int64_t groups = (n + group - 1) / group;
  const bool by_groups = op.k < groups && op.k <= kMostChosen;
  const View x = s.view(h), scale = s.view(t.scale), candidates = s.view(t.candidates),
             nonfinite = s.view(t.nonfinite);
  const View values = s.view(t.values.col_range(row * op.k, h.rows * op.k));
  const View ids = s.view(t.ids.col_range(row * op.k, h.rows * op.k));
  const Push push{u32(h.rows),        u32(n),
                  u32(op.k),          x.first,
                  x.stride,           scale.first,
                  candidates.first,   values.first,
                  ids.first,          nonfinite.first,
                  u32(group),         by_groups ? u32(groups) : 0u,
                  scale ? 1u : 0u,    op.candidates > 0 ? 1u : 0u,
                  nonfinite ? 1u : 0u};
  s.recording.dispatch(
      shader, {},
      {{reads(x), reads(scale), reads(candidates), writes(values), writes(ids), writes(nonfinite)}}, push,
      s.recording.rows_grid(static_cast<std::uint64_t>(h.rows)));
}

}  // namespace

std::uint64_t workspace_of(const Device& device, const EncodeTopK& op) {
  return op.rows > 0 ? workspace_part(pre_activation_rows(device, op.rows, taking_part(op)) * taking_part(op))
                     : 0;
}

Support limits_of(const Device& device, const EncodeTopK& op) {
  return pre_activations_fit(device, taking_part(op));
}

void record(const Scope& s, const EncodeTopK& op, const EncodeTopK::Operands& t) {
  if (op.rows == 0) return;
  const std::int64_t step = pre_activation_rows(s.device, op.rows, taking_part(op));
  const Tensor all = s.workspace.take(step, taking_part(op));
  for (std::int64_t row = 0; row < op.rows; row += step) {
    const std::int64_t count = std::min(step, op.rows - row);
    const Tensor h = all.row_range(0, count);
    const Tensor x = t.x.row_range(row, count);
    if (op.candidates > 0) {
      record_picked_pre_activations(s, x, t.w_enc, t.b_enc, t.candidates, op.precision, h);
    } else {
      record_pre_activations(s, x, t.w_enc, t.b_enc, op.precision, h);
    }
    record_selection(s, op, t, h, row);
  }
}

}  // namespace polysem::vulkan
