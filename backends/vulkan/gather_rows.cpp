#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, table_rows, window_row, window_rows;
  std::uint32_t table_first, table_stride, ids_first, out_first, out_stride;
};

}  // namespace

void record(const Scope& s, const GatherRows& op, const GatherRows::Operands& t) {
  static const std::size_t shader = shader_index("gather_rows");
  each_window(s.device, op.rows, op.cols, {t.out}, [&](const Window& w) {
    const View out = s.view(w.of(t.out)), ids = s.view(t.ids.col_range(w.row, w.rows));
    // Of a table without rows there still is one window: it writes the zeros.
    each_row_window(s.device, std::max<std::int64_t>(op.table_rows, 1), {t.table},
                    [&](std::int64_t row, std::int64_t rows) {
                      const std::int64_t count = std::min(rows, op.table_rows - row);
                      const View table = s.view(t.table.row_range(row, count).col_range(w.col, w.cols));
                      const Push push{u32(w.rows), u32(w.cols),  u32(op.table_rows), u32(row),  u32(count),
                                      table.first, table.stride, ids.first,          out.first, out.stride};
                      s.recording.dispatch(shader, {table.type, out.type},
                                           {{reads(table), reads(ids), writes(out)}}, push,
                                           s.recording.rows_grid(static_cast<std::uint64_t>(w.rows)));
                    });
  });
}

}  // namespace polysem::vulkan
