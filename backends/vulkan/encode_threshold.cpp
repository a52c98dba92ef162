#include <algorithm>

#include "backends/vulkan/pre_activations.hpp"
#include "backends/vulkan/varying.hpp"

namespace polysem::vulkan {

namespace {

struct OffsetsPush {
  std::uint32_t rows, counts_first, before_first, starts_first, has_before;
};
struct FinishPush {
  std::uint32_t rows, starts_first, offsets_first, capacity;
  std::uint32_t band_starts_first, band_offsets_first, band_capacity, has_band;
  std::uint32_t needed_first;
};

/// One of the two lists: its operands and where its rows begin, before it is known whether it fits.
struct List {
  Tensor values, ids, offsets, starts;
  std::int64_t capacity = 0, kind = 0;
  float band_value = 0.0f;
};

void record_offsets(const Scope& s, const List& list, const Tensor& counts, std::int64_t row) {
  static const std::size_t shader = shader_index("threshold_offsets");
  const View in = s.view(counts.row_range(list.kind, 1)), nothing;
  const View before = row > 0 ? s.view(list.starts.col_range(row, 1)) : nothing;
  const View starts = s.view(list.starts.col_range(row, counts.cols + 1));
  s.recording.dispatch(shader, {}, {{reads(in), reads(before), writes(starts)}},
                       OffsetsPush{u32(counts.cols), in.first, before.first, starts.first, row > 0 ? 1u : 0u},
                       Grid{});
}

void record_fill(const Scope& s, const Varying& v, const List& list, std::int64_t row) {
  VaryingList out;
  out.starts = s.view(list.starts.col_range(row, v.push.rows + 1));
  out.values = s.view(list.values), out.ids = s.view(list.ids);
  out.capacity = list.capacity, out.band = list.kind == 1, out.band_value = list.band_value;
  record_varying_fill(s, false, v, out);
}

void record_finish(const Scope& s, const EncodeThreshold& op, const List& active, const List& band,
                   const Tensor& needed) {
  static const std::size_t shader = shader_index("threshold_finish");
  const bool has_band = bool(band.offsets);
  const View nothing, starts = s.view(active.starts), offsets = s.view(active.offsets), out = s.view(needed);
  const View band_starts = has_band ? s.view(band.starts) : nothing,
             band_offsets = has_band ? s.view(band.offsets) : nothing;
  s.recording.dispatch(
      shader, {}, {{reads(starts), reads(band_starts), writes(offsets), writes(band_offsets), writes(out)}},
      FinishPush{u32(op.rows), starts.first, offsets.first, u32(op.capacity), band_starts.first,
                 band_offsets.first, u32(op.band_capacity), has_band ? 1u : 0u, out.first},
      s.elements_grid(op.rows + 1));
}

}  // namespace

std::uint64_t workspace_of(const Device& device, const EncodeThreshold& op) {
  const std::int64_t step = pre_activation_rows(device, op.rows, op.latents);
  return workspace_part(step * op.latents) + workspace_part(step) + workspace_part(2 * step) +
         2 * workspace_part(op.rows + 1);
}

Support limits_of(const Device& device, const EncodeThreshold& op) {
  if (const Support lists = list_fits(device, std::max(op.capacity, op.band_capacity)); !lists) return lists;
  return pre_activations_fit(device, op.latents);
}

// Rows in parts: pre-activations, how many entries each row has, where they begin, the entries. Whether a
// list fits is known at the end; until then what does not fit is not written.
void record(const Scope& s, const EncodeThreshold& op, const EncodeThreshold::Operands& t) {
  const std::int64_t step = pre_activation_rows(s.device, op.rows, op.latents);
  const Tensor all_h = s.workspace.take(step, op.latents), all_bad = s.workspace.take(1, step),
               all_counts = s.workspace.take(2, step);
  List active{t.values, t.ids, t.row_offsets, s.workspace.take(1, op.rows + 1), op.capacity, 0};
  List band{t.band_values,
            t.band_ids,
            t.band_offsets,
            s.workspace.take(1, op.rows + 1),
            op.band_capacity,
            1,
            op.band > 0 ? 1 / op.band : 0.0f};
  for (std::int64_t row = 0; row == 0 || row < op.rows; row += step) {
    const std::int64_t count = std::min(step, op.rows - row);
    const Tensor h = all_h.row_range(0, count), bad = all_bad.col_range(0, count),
                 counts = all_counts.col_range(0, count);
    record_pre_activations(s, t.x.row_range(row, count), t.w_enc, t.b_enc, op.precision, h);
    record_finite_rows(s, h, bad, t.nonfinite);
    const Varying v = Varying::make(s, h, bad, t.threshold, {}, op.band / 2);
    record_varying_count(s, false, v, counts, 0);
    for (const List* list : {&active, &band}) {
      if (!list->offsets) continue;
      record_offsets(s, *list, counts, row);
      record_fill(s, v, *list, row);
    }
  }
  record_finish(s, op, active, band, t.needed);
}

}  // namespace polysem::vulkan
