#include <algorithm>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context&, const ScatterRows& op, const ScatterRows::Operands& t) {
  const RowReader source(t.source);
  const RowWriter table(t.table);
  const auto* ids = data_of<const std::int32_t>(t.ids);
  Context::parallel_ranges(op.rows, rows_a_task(op.cols), [&](std::int64_t first, std::int64_t last) {
    float in_buffer[kChunk], out_buffer[kChunk];
    for (std::int64_t r = first; r < last; ++r) {
      if (ids[r] < 0 || ids[r] >= op.table_rows) continue;
      for (std::int64_t c = 0; c < op.cols; c += kChunk) {
        const std::int64_t n = std::min(kChunk, op.cols - c);
        float* to = table.place(ids[r], c, out_buffer);
        std::copy_n(source.read(r, c, n, in_buffer), n, to);
        table.done(ids[r], c, n, to);
      }
    }
  });
}

}  // namespace polysem::onednn
