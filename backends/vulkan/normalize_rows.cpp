#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, first, stride;
};

}  // namespace

void record(const Scope& s, const NormalizeRows& op, const NormalizeRows::Operands& t) {
  static const std::size_t shader = shader_index("normalize_rows");
  each_row_window(s.device, op.rows, {t.matrix}, [&](std::int64_t row, std::int64_t rows) {
    const View matrix = s.view(t.matrix.row_range(row, rows));
    const Push push{u32(rows), u32(op.cols), matrix.first, matrix.stride};
    s.recording.dispatch(shader, {}, {{reads(matrix), writes(matrix)}}, push,
                         s.recording.rows_grid(static_cast<std::uint64_t>(rows)));
  });
}

}  // namespace polysem::vulkan
