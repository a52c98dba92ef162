#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context&, const RandomFill& op, const RandomFill::Operands& t) {
  const Random random(op.seed, op.stream, op.substream);
  const bool normal = op.kind == RandomFill::Kind::kNormal;
  Context::parallel_ranges(op.rows * op.cols, 4096, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const std::uint64_t index = op.first + static_cast<std::uint64_t>(i);
      const float value = normal ? random.normal(index) : random.uniform(index);
      row_of(t.out, i / op.cols)[i % op.cols] = op.shift + op.scale * value;
    }
  });
}

}  // namespace polysem::onednn
