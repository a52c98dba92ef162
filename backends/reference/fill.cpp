#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

namespace {

// Values that the integer type lacks go to its nearest end, NaN to 0.
template <class T>
void fill_integers(const Fill& op, const Tensor& out) {
  const double low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  const auto value = static_cast<T>(std::isnan(op.value) ? 0.0 : std::clamp<double>(op.value, low, high));
  const Integers<T> view(out);
  for (std::int64_t r = 0; r < op.rows; ++r)
    for (std::int64_t c = 0; c < op.cols; ++c) view(r, c) = value;
}

}  // namespace

void run(const Fill& op, const Fill::Operands& t) {
  if (t.out.dtype == DType::kI32) return fill_integers<std::int32_t>(op, t.out);
  if (t.out.dtype == DType::kU32) return fill_integers<std::uint32_t>(op, t.out);
  const Floats out(t.out);
  for (std::int64_t r = 0; r < op.rows; ++r)
    for (std::int64_t c = 0; c < op.cols; ++c) out.set(r, c, op.value);
}

}  // namespace polysem::reference
