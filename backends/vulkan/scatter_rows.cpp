#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, window_row, window_rows;
  std::uint32_t source_first, source_stride, ids_first, table_first, table_stride;
};

}  // namespace

void record(const Scope& s, const ScatterRows& op, const ScatterRows::Operands& t) {
  static const std::size_t shader = shader_index("scatter_rows");
  each_window(s.device, op.rows, op.cols, {t.source}, [&](const Window& w) {
    const View source = s.view(w.of(t.source)), ids = s.view(t.ids.col_range(w.row, w.rows));
    each_row_window(s.device, op.table_rows, {t.table}, [&](std::int64_t row, std::int64_t rows) {
      const View table = s.view(t.table.row_range(row, rows).col_range(w.col, w.cols));
      const Push push{u32(w.rows),   u32(w.cols), u32(row),    u32(rows),   source.first,
                      source.stride, ids.first,   table.first, table.stride};
      s.recording.dispatch(shader, {source.type, table.type}, {{reads(source), reads(ids), writes(table)}},
                           push, s.recording.rows_grid(static_cast<std::uint64_t>(w.rows)));
    });
  });
}

}  // namespace polysem::vulkan
