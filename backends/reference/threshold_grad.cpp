#include <string>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"
#include "polysem/error.hpp"

namespace polysem::reference {

void run(const ThresholdGrad& op, const ThresholdGrad::Operands& t) {
  const Integers<std::int32_t> begin(t.begin), entries(t.entries);
  const Floats values(t.values), gradient(t.gradient), threshold(t.threshold), out(t.out);
  if (begin[0] != 0)
    throw Error(ErrorCode::kInvalidArgument, "threshold_grad: begin does not start with 0 at 0");
  for (std::int64_t j = 0; j < op.latents; ++j) {
    if (begin[j + 1] < begin[j] || begin[j + 1] > op.capacity)
      throw Error(ErrorCode::kInvalidArgument,
                  "threshold_grad: begin descends or passes capacity at " + std::to_string(j + 1));
    double sum = 0;
    for (std::int64_t i = begin[j]; i < begin[j + 1]; ++i) {
      const std::int64_t e = entries[i];
      if (e < 0 || e >= op.capacity)
        throw Error(ErrorCode::kInvalidArgument,
                    "threshold_grad: entries points outside at " + std::to_string(i));
      sum += values[e] * (threshold[j] * gradient[e] + op.penalty);
    }
    out.set(j, -sum);
  }
}

}  // namespace polysem::reference
