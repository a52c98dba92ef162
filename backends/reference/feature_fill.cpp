#include <algorithm>
#include <cmath>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

namespace {

using Sets = FeatureFill::Sets;

// p 2^32; NaN and what is below 0 give 0.
std::uint64_t threshold(double density) {
  return density > 0 ? static_cast<std::uint64_t>(std::llround(std::min(density, 1.0) * 0x1p32)) : 0;
}

struct Draw {
  bool active;
  double value;
};

}  // namespace

void run(const FeatureFill& op, const FeatureFill::Operands& t) {
  const Floats density(t.density), out(t.out);
  const Random value(op.seed, op.stream, 0), decision(op.seed, op.stream, 1);
  const auto element = [&](std::int64_t row, std::int64_t s) {
    return op.first + static_cast<std::uint64_t>(row * op.batch + s);
  };
  const auto draw = [&](std::int64_t i, std::int64_t f, std::int64_t s) -> Draw {
    const std::int64_t member = f % op.set_size;
    const std::uint64_t u = value.bits(element(i * op.features + f, s));
    if (op.sets == Sets::kIndependent) {
      const std::uint64_t limit = threshold(density(i, f));
      return {u < limit, static_cast<double>(u) / static_cast<double>(limit)};
    }
    const std::uint64_t limit = threshold(density(i, f - member));
    const std::uint64_t d = decision.bits(element(i * op.features + f - member, s));
    const bool chosen =
        op.sets == Sets::kTogether || (limit > 0 && d * static_cast<std::uint64_t>(op.set_size) / limit ==
                                                        static_cast<std::uint64_t>(member));
    return {d < limit && chosen, static_cast<double>(u) * 0x1p-32};
  };
  for (std::int64_t i = 0; i < op.instances; ++i) {
    for (std::int64_t f = 0; f < op.features; ++f) {
      for (std::int64_t s = 0; s < op.batch; ++s) {
        const Draw d = draw(i, f, s);
        out.set(i * op.features + f, s, !d.active ? 0 : op.symmetric ? 2 * d.value - 1 : d.value);
      }
    }
  }
}

}  // namespace polysem::reference
