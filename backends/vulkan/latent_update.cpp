#include <bit>

#include "backends/vulkan/adam_constants.hpp"
#include "backends/vulkan/latent_list.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  LatentList::Push main, aux;
  std::uint32_t latents, d, w_first, w_stride, m_first, m_stride, v_first, v_stride, low_first, low_stride;
  AdamConstants adam;
};
struct SumPush {
  std::uint32_t rows, cols, weights_first, matrix_first, matrix_stride, out_first, out_stride;
};

constexpr std::int64_t kSegment = 64;  // latents that a work group of weighted_rows sums

std::int64_t segments(const LatentUpdate& op) { return (op.latents + kSegment - 1) / kSegment; }

Reduce sum_of_segments(const LatentUpdate& op) {
  return {.along = Reduce::Along::kColumns, .rows = segments(op), .cols = op.d_in};
}

/// One of the two matrices with what updates it.
struct Side {
  Tensor weights, aux_weights, source, aux_source;  // of the lists
  float scale, aux_scale;
  Tensor w, m, v, low;
  bool unit_norm;
};

// Width of the row in shared memory: few pipelines, and no more than is needed.
std::uint32_t width_for(std::int64_t d) {
  return std::max(64u, std::bit_ceil(static_cast<std::uint32_t>(d)));
}

LatentList main_list(const Scope& s, const LatentUpdate::Operands& t, std::int64_t first, std::int64_t count,
                     const Tensor& weights, const Tensor& source, float scale) {
  return LatentList::make(s, t.begin.col_range(first, count + 1), t.entries, t.entry_rows, weights, source,
                          scale);
}

LatentList aux_list(const Scope& s, const LatentUpdate& op, const LatentUpdate::Operands& t,
                    std::int64_t first, std::int64_t count, const Tensor& weights, const Tensor& source,
                    float scale) {
  if (op.aux_capacity == 0) return {};
  return LatentList::make(s, t.aux_begin.col_range(first, count + 1), t.aux_entries, t.aux_entry_rows,
                          weights, source, scale);
}

void record_side(const Scope& s, const LatentUpdate& op, const LatentUpdate::Operands& t, const Side& side) {
  static const std::size_t shader = shader_index("latent_update");
  each_row_window(
      s.device, op.latents, {side.w, side.m, side.v, side.low}, [&](std::int64_t first, std::int64_t count) {
        const LatentList main = main_list(s, t, first, count, side.weights, side.source, side.scale),
                         aux = aux_list(s, op, t, first, count, side.aux_weights, side.aux_source,
                                        side.aux_scale);
        const auto part = [&](const Tensor& matrix) {
          return matrix ? s.view(matrix.row_range(first, count)) : View{};
        };
        const View w = part(side.w), m = part(side.m), v = part(side.v), low = part(side.low);
        const Push push{main.push,
                        aux.push,
                        u32(count),
                        u32(side.w.cols),
                        w.first,
                        w.stride,
                        m.first,
                        m.stride,
                        v.first,
                        v.stride,
                        low.first,
                        low.stride,
                        adam_constants(op.adam)};
        const Constants constants{width_for(side.w.cols), bool(aux.begin), side.unit_norm,
                                  low ? 1 + low.type : 0u};
        s.recording.dispatch(
            shader, constants,
            {{reads(main.begin), reads(main.entries), reads(main.rows), reads(main.weights),
              reads(main.source), reads(aux.begin), reads(aux.entries), reads(aux.rows), reads(aux.weights),
              reads(aux.source), reads(w), writes(w), writes(m), writes(v), writes(low)}},
            push, s.recording.rows_grid(static_cast<std::uint64_t>(count)));
      });
}

// sum_j g_b[j] W_enc[j], with W_enc as it is before the step.
void record_input_gradient(const Scope& s, const LatentUpdate& op, const LatentUpdate::Operands& t,
                           const Tensor& g_b) {
  static const std::size_t shader = shader_index("weighted_rows");
  const Tensor partial = s.workspace.take(segments(op), op.d_in);
  const std::int64_t fit = rows_in_range(s.device, t.w_enc) / kSegment * kSegment;
  const std::int64_t step = std::max(kSegment, std::min(fit, op.latents));
  for (std::int64_t first = 0; first < op.latents; first += step) {
    const std::int64_t count = std::min(step, op.latents - first), parts = (count + kSegment - 1) / kSegment;
    const View weights = s.view(g_b.col_range(first, count)), w = s.view(t.w_enc.row_range(first, count)),
               out = s.view(partial.row_range(first / kSegment, parts));
    const SumPush push{u32(count), u32(op.d_in), weights.first, w.first, w.stride, out.first, out.stride};
    s.recording.dispatch(
        shader, {}, {{reads(weights), reads(w), writes(out)}}, push,
        {(static_cast<std::uint64_t>(op.d_in) + 31) / 32, static_cast<std::uint64_t>(parts), 1});
  }
  record(s, sum_of_segments(op), {.a = partial, .b = {}, .out = t.input_gradient});
}

}  // namespace

std::uint64_t workspace_of(const Device& device, const LatentUpdate& op) {
  return workspace_part(op.latents) + workspace_part(segments(op) * op.d_in) +
         workspace_of(device, sum_of_segments(op));
}

Support limits_of(const Device& device, const LatentUpdate& op) {
  if (const Support lists = list_fits(device, std::max({op.latents, op.capacity, op.aux_capacity}) + 1);
      !lists)
    return lists;
  const std::int64_t d = std::max(op.d_in, op.d_out);
  const std::uint64_t needed = (std::uint64_t{width_for(std::min<std::int64_t>(d, 1 << 24))} + 64) * 4;
  if (needed > device.limits().shared)
    return Support::no("rows of " + std::to_string(d) + " values do not fit the device's shared memory of " +
                       std::to_string(device.limits().shared) + " bytes");
  return source_fits(device, op.rows, d);
}

void record(const Scope& s, const LatentUpdate& op, const LatentUpdate::Operands& t) {
  if (op.latents == 0 && !t.input_gradient) return;
  const Tensor g_b = s.workspace.take(1, op.latents);
  if (op.latents > 0)
    record_bias_grad(s, op.latents, main_list(s, t, 0, op.latents, t.gradient, t.x, 1.0f),
                     aux_list(s, op, t, 0, op.latents, t.aux_gradient, t.x, 1.0f), g_b, false);
  if (t.input_gradient) record_input_gradient(s, op, t, g_b);
  record_side(
      s, op, t,
      {t.gradient, t.aux_gradient, t.x, t.x, 1.0f, 1.0f, t.w_enc, t.m_enc, t.v_enc, t.w_enc_low, false});
  record_side(s, op, t,
              {t.values, t.aux_values, t.error, t.aux_error, op.decoder_scale, op.aux_decoder_scale, t.w_dec,
               t.m_dec, t.v_dec, t.w_dec_low, op.unit_norm});
  record(s, AdamUpdate{.rows = 1, .cols = op.latents, .adam = op.adam},
         {.gradient = g_b, .parameter = t.b_enc, .m = t.m_b, .v = t.v_b});
}

}  // namespace polysem::vulkan
