#include "backends/vulkan/codes.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  Codes::Push codes;
  std::uint32_t rows, d_out, latent0, latents;
  std::uint32_t w_first, w_stride, bias_first, base_first, base_stride, target_first, target_stride;
  std::uint32_t partial_first, partial_stride, out_first, out_stride, error_first, error_stride, loss_first,
      has;
};

// Sums wait in the workspace where W_dec takes several windows; gaps between its rows may double its size.
bool may_need_windows(const Device& device, const SparseDecode& op) {
  return static_cast<std::uint64_t>(op.latents) * static_cast<std::uint64_t>(op.d_out) * 4 >
         device.limits().range / 2;
}

std::uint32_t flag(const Tensor& operand, std::uint32_t bit) { return operand ? bit : 0; }

void record_rows(const Scope& s, const SparseDecode& op, const SparseDecode::Operands& t,
                 const Tensor& partial, std::int64_t row, std::int64_t rows) {
  static const std::size_t shader = shader_index("sparse_decode");
  const Codes codes = Codes::of_rows(s, op, t, row, rows);
  const auto part = [&](const Tensor& matrix) {
    return matrix ? s.view(matrix.row_range(row, rows)) : View{};
  };
  const View bias = s.view(t.bias), base = part(t.base), target = part(t.target), output = part(t.output),
             error = part(t.error), loss = t.row_loss ? s.view(t.row_loss.col_range(row, rows)) : View{};
  const View sums = part(partial);
  const std::uint32_t has = flag(t.bias, 1) | flag(t.base, 2) | flag(t.target, 4) | flag(t.output, 8) |
                            flag(t.error, 16) | flag(t.row_loss, 32);
  // Without latents there still is a bias.
  each_row_window(s.device, std::max<std::int64_t>(op.latents, 1), {t.w_dec},
                  [&](std::int64_t latent, std::int64_t count) {
                    const std::int64_t latents = std::min(count, op.latents - latent);
                    const View w = s.view(t.w_dec.row_range(latent, latents));
                    const bool first = latent == 0, last = latent + latents == op.latents;
                    const Push push{codes.push,    u32(rows),     u32(op.d_out), u32(latent), u32(latents),
                                    w.first,       w.stride,      bias.first,    base.first,  base.stride,
                                    target.first,  target.stride, sums.first,    sums.stride, output.first,
                                    output.stride, error.first,   error.stride,  loss.first,  has};
                    const View nothing;
                    s.recording.dispatch(
                        shader, {w.type, first, last},
                        {{reads(codes.values), reads(codes.ids), reads(codes.offsets), reads(w), reads(bias),
                          reads(base), reads(target), reads(first ? nothing : sums),
                          writes(last ? nothing : sums), writes(last ? output : nothing),
                          writes(last ? error : nothing), writes(last ? loss : nothing)}},
                        push, s.recording.rows_grid(static_cast<std::uint64_t>(rows)));
                  });
}

}  // namespace

std::uint64_t workspace_of(const Device& device, const SparseDecode& op) {
  return may_need_windows(device, op) ? workspace_part(op.rows * op.d_out) : 0;
}

void record(const Scope& s, const SparseDecode& op, const SparseDecode::Operands& t) {
  if (!t.output && !t.error && !t.row_loss) return;
  const Tensor partial = may_need_windows(s.device, op) ? s.workspace.take(op.rows, op.d_out) : Tensor{};
  each_row_window(s.device, op.rows, {t.base, t.target, t.output, t.error, partial},
                  [&](std::int64_t row, std::int64_t rows) { record_rows(s, op, t, partial, row, rows); });
}

}  // namespace polysem::vulkan
