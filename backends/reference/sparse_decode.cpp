#include <vector>

#include "backends/reference/codes.hpp"
#include "backends/reference/ops.hpp"

namespace polysem::reference {

void run(const SparseDecode& op, const SparseDecode::Operands& t) {
  const Codes codes(op, t);
  const Floats w_dec(t.w_dec), bias(t.bias), base(t.base), target(t.target);
  const Floats output(t.output), error(t.error), row_loss(t.row_loss);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    double loss = 0;
    for (std::int64_t c = 0; c < op.d_out; ++c) {
      double y = 0;
      for (std::int64_t e = codes.begin(r); e < codes.end(r); ++e)
        y += codes.value(e) * w_dec(codes.latent(e), c);
      if (bias) y += bias[c];
      if (base) y += base(r, c);
      if (output) output.set(r, c, y);
      if (!target) continue;
      const double difference = y - target(r, c);
      loss += difference * difference;
      if (error) error.set(r, c, difference);
    }
    if (row_loss) row_loss.set(r, loss);
  }
}

}  // namespace polysem::reference
