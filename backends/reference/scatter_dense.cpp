#include "backends/reference/codes.hpp"
#include "backends/reference/ops.hpp"

namespace polysem::reference {

void run(const ScatterDense& op, const ScatterDense::Operands& t) {
  const Codes codes(op, t);
  const Floats out(t.out);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    for (std::int64_t j = 0; j < op.latents; ++j) out.set(r, j, 0);
    for (std::int64_t e = codes.begin(r); e < codes.end(r); ++e) out.set(r, codes.latent(e), codes.value(e));
  }
}

}  // namespace polysem::reference
