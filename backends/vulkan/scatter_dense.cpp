#include "backends/vulkan/codes.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  Codes::Push codes;
  std::uint32_t rows, latents, out_first, out_stride;
};

}  // namespace

void record(const Scope& s, const ScatterDense& op, const ScatterDense::Operands& t) {
  static const std::size_t shader = shader_index("scatter_dense");
  if (op.latents == 0) return;
  each_row_window(s.device, op.rows, {t.out}, [&](std::int64_t row, std::int64_t rows) {
    const Codes codes = Codes::of_rows(s, op, t, row, rows);
    const View out = s.view(t.out.row_range(row, rows));
    const Push push{codes.push, u32(rows), u32(op.latents), out.first, out.stride};
    s.recording.dispatch(shader, {},
                         {{reads(codes.values), reads(codes.ids), reads(codes.offsets), writes(out)}}, push,
                         s.recording.rows_grid(static_cast<std::uint64_t>(rows)));
  });
}

}  // namespace polysem::vulkan
