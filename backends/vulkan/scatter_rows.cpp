#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, table_rows;
  std::uint32_t source_first, source_stride, ids_first, table_first, table_stride;
};

}  // namespace

// The table has to lie in one binding.
void record(const Scope& s, const ScatterRows& op, const ScatterRows::Operands& t) {
  static const std::size_t shader = shader_index("scatter_rows");
  each_window(s.device, op.rows, op.cols, {t.source}, [&](const Window& w) {
    const View source = s.view(w.of(t.source)), table = s.view(t.table.col_range(w.col, w.cols)),
               ids = s.view(t.ids.col_range(w.row, w.rows));
    const Push push{u32(w.rows),   u32(w.cols), u32(op.table_rows), source.first,
                    source.stride, ids.first,   table.first,        table.stride};
    s.recording.dispatch(shader, {source.low, table.low}, {{reads(source), reads(ids), writes(table)}}, push,
                         s.recording.rows_grid(static_cast<std::uint64_t>(w.rows)));
  });
}

}  // namespace polysem::vulkan
