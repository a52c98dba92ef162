#include "backends/vulkan/pre_activations.hpp"
#include "backends/vulkan/varying.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct HistogramPush {
  Varying::Push varying;
  std::uint32_t shift, histograms_first;
};
struct PickPush {
  std::uint32_t shift, count, histograms_first, before_first, state_first, total;
};
struct OffsetsPush {
  std::uint32_t rows, counts_first, counts_stride, state_first, ties_first, offsets_first, threshold_first;
};

constexpr std::int64_t kDigits = 4, kBins = 256, kRows = 32;  // as in shaders/batch_histogram.comp

/// Everything between the pre-activations and the codes.
struct Search {
  Tensor h, bad;           // of all rows
  Tensor histograms;       // one for each work group that counts: no more than rows
  Tensor states[kDigits];  // key so far, how many that begin so are kept
  Tensor counts, ties_before;
};

Search take_workspace(const Scope& s, const EncodeBatchTopK& op) {
  Search w{s.workspace.take(op.rows, op.latents),
           s.workspace.take(1, op.rows),
           s.workspace.take(op.rows, kBins),
           {},
           {},
           {}};
  for (Tensor& state : w.states) state = s.workspace.take(1, 2);
  w.counts = s.workspace.take(2, op.rows), w.ties_before = s.workspace.take(1, op.rows);
  return w;
}

// f with what tells the entries of each window of rows apart.
template <class F>
void each_window_of_rows(const Scope& s, const Search& w, const Tensor& scale, const Tensor& state, F&& f) {
  each_row_window(s.device, w.h.rows, {w.h}, [&](std::int64_t row, std::int64_t rows) {
    f(Varying::make(s, w.h.row_range(row, rows), w.bad.col_range(row, rows), scale, state, 0.0f), row);
  });
}

// The key of the last entry that is kept, eight bits at a time.
void record_search(const Scope& s, const EncodeBatchTopK& op, const Search& w, const Tensor& scale) {
  static const std::size_t histogram = shader_index("batch_histogram"), pick = shader_index("batch_pick");
  for (std::int64_t digit = 0; digit < kDigits; ++digit) {
    const std::uint32_t shift = u32(24 - 8 * digit);
    const Tensor before = digit > 0 ? w.states[digit - 1] : Tensor{};
    std::int64_t count = 0;
    each_window_of_rows(s, w, scale, before, [&](const Varying& v, std::int64_t) {
      const std::int64_t groups = (std::int64_t{v.push.rows} + kRows - 1) / kRows;
      const View bins = s.view(w.histograms.row_range(count, groups));
      s.recording.dispatch(histogram, {true},
                           {{reads(v.h), reads(v.bad), reads(v.per_latent), reads(v.state), writes(bins)}},
                           HistogramPush{v.push, shift, bins.first},
                           s.recording.rows_grid(static_cast<std::uint64_t>(groups)));
      count += groups;
    });
    const View bins = s.view(w.histograms.row_range(0, count)), old = s.view(before),
               state = s.view(w.states[digit]);
    s.recording.dispatch(pick, {}, {{reads(bins), reads(old), writes(state)}},
                         PickPush{shift, u32(count), bins.first, old.first, state.first, u32(op.total)},
                         Grid{});
  }
}

void record_offsets(const Scope& s, const Search& w, const EncodeBatchTopK::Operands& t) {
  static const std::size_t shader = shader_index("batch_offsets");
  const View counts = s.view(w.counts), state = s.view(w.states[kDigits - 1]), ties = s.view(w.ties_before),
             offsets = s.view(t.row_offsets), threshold = s.view(t.threshold);
  s.recording.dispatch(shader, {},
                       {{reads(counts), reads(state), writes(ties), writes(offsets), writes(threshold)}},
                       OffsetsPush{u32(w.h.rows), counts.first, counts.stride, state.first, ties.first,
                                   offsets.first, threshold.first},
                       Grid{});
}

}  // namespace

std::uint64_t workspace_of(const Device&, const EncodeBatchTopK& op) {
  return workspace_part(op.rows * op.latents) + 2 * workspace_part(op.rows) + workspace_part(2 * op.rows) +
         workspace_part(op.rows * kBins) + kDigits * workspace_part(2);
}

Support limits_of(const Device& device, const EncodeBatchTopK& op) {
  if (const Support lists = list_fits(device, op.total); !lists) return lists;
  if (static_cast<double>(op.rows) * static_cast<double>(op.latents) * 4 >
      0.9 * static_cast<double>(std::min(device.limits().block, device.memory_bytes())))
    return Support::no(
        "the pre-activations of the batch do not fit the device's memory; use a smaller batch");
  return pre_activations_fit(device, op.latents);
}

// All pre-activations of the batch exist: its selection looks at them six times.
void record(const Scope& s, const EncodeBatchTopK& op, const EncodeBatchTopK::Operands& t) {
  const Search w = take_workspace(s, op);
  each_row_window(s.device, op.rows, {w.h, t.x}, [&](std::int64_t row, std::int64_t rows) {
    record_pre_activations(s, t.x.row_range(row, rows), t.w_enc, t.b_enc, op.precision,
                           w.h.row_range(row, rows));
    record_finite_rows(s, w.h.row_range(row, rows), w.bad.col_range(row, rows), t.nonfinite);
  });
  record_search(s, op, w, t.scale);
  const Tensor& state = w.states[kDigits - 1];
  each_window_of_rows(s, w, t.scale, state, [&](const Varying& v, std::int64_t row) {
    record_varying_count(s, true, v, w.counts, row);
  });
  record_offsets(s, w, t);
  each_window_of_rows(s, w, t.scale, state, [&](const Varying& v, std::int64_t row) {
    VaryingList list;
    list.starts = s.view(t.row_offsets.col_range(row, v.push.rows));
    list.ties_before = s.view(w.ties_before.col_range(row, v.push.rows));
    list.values = s.view(t.values), list.ids = s.view(t.ids), list.capacity = op.total;
    record_varying_fill(s, true, v, list);
  });
}

}  // namespace polysem::vulkan
