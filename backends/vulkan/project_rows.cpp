#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, w_first, w_stride, g_first, g_stride;
};

}  // namespace

void record(const Scope& s, const ProjectRows& op, const ProjectRows::Operands& t) {
  static const std::size_t shader = shader_index("project_rows");
  each_row_window(s.device, op.rows, {t.direction, t.gradient}, [&](std::int64_t row, std::int64_t rows) {
    const View direction = s.view(t.direction.row_range(row, rows)),
               gradient = s.view(t.gradient.row_range(row, rows));
    const Push push{u32(rows),        u32(op.cols),   direction.first,
                    direction.stride, gradient.first, gradient.stride};
    s.recording.dispatch(shader, {}, {{reads(direction), reads(gradient), writes(gradient)}}, push,
                         s.recording.rows_grid(static_cast<std::uint64_t>(rows)));
  });
}

}  // namespace polysem::vulkan
