#include "backends/vulkan/latent_list.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  LatentList::Push list;
  std::uint32_t latents, d, out_first, out_stride, accumulate;
};

void record_rows(const Scope& s, const LatentGrad& op, const LatentGrad::Operands& t, const Tensor& weights,
                 const Tensor& source, float scale, const Tensor& out) {
  static const std::size_t shader = shader_index("latent_grad");
  each_row_window(s.device, op.latents, {out}, [&](std::int64_t first, std::int64_t count) {
    const LatentList list = LatentList::make(s, t.begin.col_range(first, count + 1), t.entries, t.entry_rows,
                                             weights, source, scale);
    const View result = s.view(out.row_range(first, count)), nothing;
    const Push push{list.push,    u32(count),    u32(out.cols),
                    result.first, result.stride, op.accumulate ? 1u : 0u};
    s.recording.dispatch(shader, {},
                         {{reads(list.begin), reads(list.entries), reads(list.rows), reads(list.weights),
                           reads(list.source), reads(op.accumulate ? result : nothing), writes(result)}},
                         push, s.recording.rows_grid(static_cast<std::uint64_t>(count)));
  });
}

}  // namespace

Support limits_of(const Device& device, const LatentGrad& op) {
  if (const Support lists = list_fits(device, std::max(op.latents, op.capacity) + 1); !lists) return lists;
  return source_fits(device, op.rows, std::max(op.d_in, op.d_out));
}

void record(const Scope& s, const LatentGrad& op, const LatentGrad::Operands& t) {
  record_rows(s, op, t, t.gradient, t.x, 1.0f, t.g_enc);
  record_rows(s, op, t, t.values, t.error, op.decoder_scale, t.g_dec);
  const LatentList list = LatentList::make(s, t.begin, t.entries, t.entry_rows, t.gradient, t.x, 1.0f);
  record_bias_grad(s, op.latents, list, {}, t.g_b, op.accumulate);
}

}  // namespace polysem::vulkan
