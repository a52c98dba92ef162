#include "backends/onednn/ops.hpp"
#include "backends/onednn/softmax.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

void run(Context& context, const CrossEntropy& op, const CrossEntropy::Operands& t) {
  const RowReader logits(t.logits);
  const auto* targets = data_of<const std::int32_t>(t.targets);
  float* loss = data_of<float>(t.loss);
  PerThread<float> lines = context.per_thread<float>(logits.bf16() ? op.classes : 0);
  Context::parallel_ranges(op.rows, rows_a_task(op.classes), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      loss[r] = 0.0f;
      if (targets[r] < 0 || targets[r] >= op.classes) continue;
      const float* line = logits.read(r, 0, op.classes, lines.of(Context::thread()));
      loss[r] = static_cast<float>(log_sum_exp(line, op.classes) - double{line[targets[r]]});
    }
  });
}

}  // namespace polysem::onednn
