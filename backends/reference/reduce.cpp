#include <cmath>
#include <limits>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

namespace {

double term(Reduce::Kind kind, double a, double b) {
  switch (kind) {
    case Reduce::Kind::kSum:
    case Reduce::Kind::kMax:
      return a;
    case Reduce::Kind::kSumSquares:
      return a * a;
    case Reduce::Kind::kDot:
      return a * b;
    case Reduce::Kind::kSquaredDistance:
      return (a - b) * (a - b);
  }
  return 0;
}

}  // namespace

void run(const Reduce& op, const Reduce::Operands& t) {
  const Floats a(t.a), b(t.b), out(t.out);
  const bool rows = op.along == Reduce::Along::kRows, max = op.kind == Reduce::Kind::kMax;
  const std::int64_t results = rows ? op.rows : op.cols, length = rows ? op.cols : op.rows;
  for (std::int64_t i = 0; i < results; ++i) {
    double total = max ? -std::numeric_limits<double>::infinity() : 0;
    for (std::int64_t p = 0; p < length; ++p) {
      const std::int64_t r = rows ? i : p, c = rows ? p : i;
      const double value = term(op.kind, a(r, c), b ? b(op.b_rows == 1 ? 0 : r, c) : 0);
      if (!max) {
        total += value;
      } else if (value > total || std::isnan(value)) {
        total = value;
      }
    }
    if (op.accumulate) total += out[i];
    out.set(i, total);
  }
}

}  // namespace polysem::reference
