#include <algorithm>

#include "backends/vulkan/product.hpp"
#include "backends/vulkan/windows.hpp"

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
// Pre-activations that exist at a time; few enough that caches of large cards hold them.
constexpr std::int64_t kMostWords = std::int64_t{1} << 23;

std::int64_t taking_part(const EncodeTopK& op) { return op.candidates > 0 ? op.candidates : op.latents; }

// Rows of pre-activations at a time.
std::int64_t rows_at_once(const Device& device, const EncodeTopK& op) {
  const std::int64_t n = taking_part(op);
  const std::int64_t most = std::min<std::int64_t>(kMostWords, cols_in_range(device) - 64);
  return std::clamp<std::int64_t>(most / std::max<std::int64_t>(n, 1), 1, std::max<std::int64_t>(op.rows, 1));
}

// h = x W^T + b of some rows, W in windows of latents.
void record_pre_activations(const Scope& s, const EncodeTopK& op, const EncodeTopK::Operands& t,
                            const Tensor& x, const Tensor& h) {
  Product p{.m = x.rows, .k = op.d_in};
  p.transpose_b = true;
  p.a = s.view(x);
  if (op.candidates > 0) {  // any row may be picked: one window
    p.n = op.candidates, p.b_rows = op.latents;
    p.b = s.view(t.w_enc), p.bias = s.view(t.b_enc), p.ids = s.view(t.candidates), p.c = s.view(h);
    return record_product(s, p);
  }
  each_row_window(s.device, op.latents, {t.w_enc}, [&](std::int64_t first, std::int64_t count) {
    p.n = count;
    p.b = s.view(t.w_enc.row_range(first, count));
    p.bias = s.view(t.b_enc.col_range(first, count));
    p.c = s.view(h.col_range(first, count));
    record_product(s, p);
  });
}

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
  return op.rows > 0 ? workspace_part(rows_at_once(device, op) * taking_part(op)) : 0;
}

Support limits_of(const Device& device, const EncodeTopK& op) {
  if (taking_part(op) > cols_in_range(device) - 64)
    return Support::no("a row of pre-activations is longer than what a shader of this device sees");
  return Support::yes();
}

void record(const Scope& s, const EncodeTopK& op, const EncodeTopK::Operands& t) {
  if (op.rows == 0) return;
  const std::int64_t step = rows_at_once(s.device, op);
  const Tensor all = s.workspace.take(step, taking_part(op));
  for (std::int64_t row = 0; row < op.rows; row += step) {
    const std::int64_t count = std::min(step, op.rows - row);
    const Tensor h = all.row_range(0, count);
    record_pre_activations(s, op, t, t.x.row_range(row, count), h);
    record_selection(s, op, t, h, row);
  }
}

}  // namespace polysem::vulkan
