#include <algorithm>

#include "backends/onednn/codes.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context&, const ScatterDense& op, const ScatterDense::Operands& t) {
  const Codes codes(op, t);
  Context::parallel_ranges(op.rows, rows_a_task(op.latents), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      float* out = row_of(t.out, r);
      std::fill_n(out, op.latents, 0.0f);
      for (std::int64_t e = codes.begin(r); e < codes.end(r); ++e) out[codes.ids()[e]] = codes.values()[e];
    }
  });
}

}  // namespace polysem::onednn
