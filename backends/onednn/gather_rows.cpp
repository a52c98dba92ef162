#include <algorithm>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context&, const GatherRows& op, const GatherRows::Operands& t) {
  const RowReader table(t.table);
  const RowWriter out(t.out);
  const auto* ids = data_of<const std::int32_t>(t.ids);
  Context::parallel_ranges(op.rows, rows_a_task(op.cols), [&](std::int64_t first, std::int64_t last) {
    float in_buffer[kChunk], out_buffer[kChunk];
    for (std::int64_t r = first; r < last; ++r) {
      const bool inside = ids[r] >= 0 && ids[r] < op.table_rows;
      for (std::int64_t c = 0; c < op.cols; c += kChunk) {
        const std::int64_t n = std::min(kChunk, op.cols - c);
        float* to = out.place(r, c, out_buffer);
        if (inside) {
          std::copy_n(table.read(ids[r], c, n, in_buffer), n, to);
        } else {
          std::fill_n(to, n, 0.0f);
        }
        out.done(r, c, n, to);
      }
    }
  });
}

}  // namespace polysem::onednn
