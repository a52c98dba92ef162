#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

void run(const RandomFill& op, const RandomFill::Operands& t) {
  const Random random(op.seed, op.stream, op.substream);
  const Floats out(t.out);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    for (std::int64_t c = 0; c < op.cols; ++c) {
      const std::uint64_t index = op.first + static_cast<std::uint64_t>(r * op.cols + c);
      const double draw = op.kind == RandomFill::Kind::kNormal ? random.normal(index) : random.uniform(index);
      out.set(r, c, op.shift + op.scale * draw);
    }
  }
}

}  // namespace polysem::reference
