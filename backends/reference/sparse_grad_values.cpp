#include "backends/reference/codes.hpp"
#include "backends/reference/ops.hpp"

namespace polysem::reference {

void run(const SparseGradValues& op, const SparseGradValues::Operands& t) {
  const Codes codes(op, t);
  const Floats error(t.error), w_dec(t.w_dec), gradient(t.gradient);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    for (std::int64_t e = codes.begin(r); e < codes.end(r); ++e) {
      double dot = 0;
      for (std::int64_t c = 0; c < op.d_out; ++c) dot += error(r, c) * w_dec(codes.latent(e), c);
      gradient.set(e, codes.value(e) > 0 ? op.scale * dot + op.penalty : 0.0);
    }
  }
}

}  // namespace polysem::reference
