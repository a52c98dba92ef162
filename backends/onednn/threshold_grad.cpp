#include <string>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"
#include "polysem/error.hpp"

namespace polysem::onednn {

namespace {

[[noreturn]] void refuse(const char* what, std::int64_t place) {
  throw Error(ErrorCode::kInvalidArgument,
              std::string("threshold_grad: ") + what + " at " + std::to_string(place));
}

}  // namespace

void run(Context&, const ThresholdGrad& op, const ThresholdGrad::Operands& t) {
  const auto* begin = data_of<const std::int32_t>(t.begin);
  const auto* entries = data_of<const std::int32_t>(t.entries);
  const auto* values = data_of<const float>(t.values);
  const auto* gradient = data_of<const float>(t.gradient);
  const auto* threshold = data_of<const float>(t.threshold);
  auto* out = data_of<float>(t.out);
  if (begin[0] != 0) refuse("begin does not start with 0", 0);
  for (std::int64_t j = 0; j < op.latents; ++j)
    if (begin[j + 1] < begin[j] || begin[j + 1] > op.capacity)
      refuse("begin descends or passes capacity", j + 1);
  Context::parallel_ranges(op.latents, 512, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t j = first; j < last; ++j) {
      double sum = 0;
      for (std::int64_t i = begin[j]; i < begin[j + 1]; ++i) {
        const std::int64_t e = entries[i];
        if (e < 0 || e >= op.capacity) refuse("entries points outside", i);
        sum += double{values[e]} * (double{threshold[j]} * gradient[e] + op.penalty);
      }
      out[j] = static_cast<float>(-sum);
    }
  });
}

}  // namespace polysem::onednn
