#include "backends/onednn/codes.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context&, const SparseGradValues& op, const SparseGradValues::Operands& t) {
  const Codes codes(op, t);
  const Rows w_dec = rows_of(t.w_dec);
  float* gradient = data_of<float>(t.gradient);
  Context::parallel_ranges(op.rows, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      const float* error = row_of(t.error, r);
      for (std::int64_t e = codes.begin(r); e < codes.end(r); ++e)
        gradient[e] = codes.values()[e] > 0.0f
                          ? op.scale * kernels().dot(error, w_dec, codes.ids()[e], op.d_out)
                          : 0.0f;
    }
  });
}

}  // namespace polysem::onednn
