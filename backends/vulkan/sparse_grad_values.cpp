#include "backends/vulkan/codes.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  Codes::Push codes;
  std::uint32_t rows, d_out, latent0, latents;
  std::uint32_t w_first, w_stride, error_first, error_stride, gradient_first;
  float scale, penalty;
};

}  // namespace

void record(const Scope& s, const SparseGradValues& op, const SparseGradValues::Operands& t) {
  static const std::size_t shader = shader_index("sparse_grad_values");
  each_row_window(s.device, op.rows, {t.error}, [&](std::int64_t row, std::int64_t rows) {
    const Codes codes = Codes::of_rows(s, op, t, row, rows);
    const View error = s.view(t.error.row_range(row, rows));
    const View gradient = s.view(op.k > 0 ? t.gradient.col_range(row * op.k, rows * op.k) : t.gradient);
    each_row_window(s.device, op.latents, {t.w_dec}, [&](std::int64_t latent, std::int64_t latents) {
      const View w = s.view(t.w_dec.row_range(latent, latents));
      const Push push{codes.push, u32(rows),   u32(op.d_out), u32(latent),    u32(latents), w.first,
                      w.stride,   error.first, error.stride,  gradient.first, op.scale,     op.penalty};
      s.recording.dispatch(shader, {w.type},
                           {{reads(codes.values), reads(codes.ids), reads(codes.offsets), reads(w),
                             reads(error), writes(gradient)}},
                           push, s.recording.rows_grid(static_cast<std::uint64_t>(rows)));
    });
  });
}

}  // namespace polysem::vulkan
