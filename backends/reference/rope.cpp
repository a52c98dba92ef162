#include <cmath>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

void run(const Rope& op, const Rope::Operands& t) {
  const Integers<std::int32_t> positions(t.positions);
  const Floats x(t.x);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    for (std::int64_t i = 0; i < op.rotary / 2; ++i) {
      const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(op.rotary);
      const double angle = positions[r] * double{op.position_scale} * std::pow(double{op.base}, exponent);
      const double cosine = std::cos(angle), sine = std::sin(angle);
      for (std::int64_t head = 0; head < op.heads; ++head) {
        const std::int64_t first = head * op.head_dim + (op.interleaved ? 2 * i : i);
        const std::int64_t second = first + (op.interleaved ? 1 : op.rotary / 2);
        const double a = x(r, first), b = x(r, second);
        x.set(r, first, a * cosine - b * sine);
        x.set(r, second, a * sine + b * cosine);
      }
    }
  }
}

}  // namespace polysem::reference
