#include <cmath>
#include <limits>

#include "backends/cuda/launch.cuh"

namespace polysem::cuda {

namespace {

template <class T>
__global__ void fill_kernel(T* out, std::int64_t rows, std::int64_t cols, std::int64_t stride, T value) {
  for (std::int64_t i = thread_number(); i < rows * cols; i += thread_count()) {
    const Place at = place_of(i, cols);
    out[at.row * stride + at.col] = value;
  }
}

template <class T>
void fill(const Scope& s, const Fill& op, const Tensor& out, T value) {
  launch(s, fill_kernel<T>, threads_for(op.rows * op.cols), kThreads, pointer_of<T>(out), op.rows, op.cols,
         out.stride, value);
}

// Values that the integer type lacks go to its nearest end, NaN to 0.
template <class T>
T integer(float value) {
  const double low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  return static_cast<T>(std::isnan(value) ? 0.0 : std::clamp<double>(value, low, high));
}

}  // namespace

void enqueue(const Scope& s, const Fill& op, const Fill::Operands& t) {
  switch (t.out.dtype) {
    case DType::kI32:
      return fill(s, op, t.out, integer<std::int32_t>(op.value));
    case DType::kU32:
      return fill(s, op, t.out, integer<std::uint32_t>(op.value));
    case DType::kBF16:
      return fill(s, op, t.out, to_bf16(op.value));
    case DType::kF16:
      return fill(s, op, t.out, to_f16(op.value));
    default:
      return fill(s, op, t.out, op.value);
  }
}

}  // namespace polysem::cuda
