#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

// Values that the integer type lacks go to its nearest end, NaN to 0.
template <class T>
T as_integer(float value) {
  const double low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  return static_cast<T>(std::isnan(value) ? 0.0 : std::clamp<double>(value, low, high));
}

template <class T>
void fill(const Tensor& out, T value) {
  T* data = data_of<T>(out);
  const std::int64_t pieces = (out.cols + kPiece - 1) / kPiece;
  Context::parallel_ranges(
      out.rows * pieces, rows_a_task(out.cols), [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) {
          const std::int64_t c = i % pieces * kPiece;
          std::fill_n(data + i / pieces * out.stride + c, std::min(kPiece, out.cols - c), value);
        }
      });
}

}  // namespace

void run(Context&, const Fill& op, const Fill::Operands& t) {
  switch (t.out.dtype) {
    case DType::kI32:
      return fill(t.out, as_integer<std::int32_t>(op.value));
    case DType::kU32:
      return fill(t.out, as_integer<std::uint32_t>(op.value));
    case DType::kBF16:
      return fill(t.out, to_bf16(op.value));
    default:
      return fill(t.out, op.value);
  }
}

}  // namespace polysem::onednn
