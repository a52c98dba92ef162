#pragma once

#include <type_traits>

#include "backends/cuda/launch.cuh"

namespace polysem::cuda {

/// Matrix of f32 on the device. False where the operand is absent.
struct Rows {
  float* data = nullptr;
  std::int64_t stride = 0;

  Rows() = default;
  Rows(float* first, std::int64_t cols) : data(first), stride(cols) {}
  explicit Rows(const Tensor& t) : data(pointer_of<float>(t)), stride(t.stride) {}
  __host__ __device__ explicit operator bool() const { return data != nullptr; }
  __device__ float& operator()(std::int64_t row, std::int64_t col) const { return data[row * stride + col]; }
};

/// A matrix whose element type the compiler knows: loops that read it have no branches.
template <DType type>
__device__ inline Floats of_type(Floats matrix) {
  matrix.type = type;
  return matrix;
}

/// Calls f with the element type of a matrix as a constant.
template <class F>
void with_type(const Tensor& t, F&& f) {
  switch (t.dtype) {
    case DType::kBF16:
      return f(std::integral_constant<DType, DType::kBF16>());
    case DType::kF16:
      return f(std::integral_constant<DType, DType::kF16>());
    default:
      return f(std::integral_constant<DType, DType::kF32>());
  }
}

}  // namespace polysem::cuda
