#pragma once

#include <cstdint>

#include "backends/cuda/memory.hpp"

namespace polysem::cuda {

/// A float of its upper half, and back: rounded to nearest even, NaN stays NaN.
__device__ inline float widen(std::uint16_t bits) {
  return __uint_as_float(static_cast<std::uint32_t>(bits) << 16);
}
__device__ inline std::uint16_t narrow(float value) {
  const std::uint32_t bits = __float_as_uint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/// Matrix of f32 or bf16 on the device, read as float; what is written is rounded to the element type. False
/// where the operand is absent.
struct Floats {
  void* data = nullptr;
  std::int64_t stride = 0;
  bool low = false;

  Floats() = default;
  explicit Floats(const Tensor& t) : data(data_of(t)), stride(t.stride), low(t.dtype == DType::kBF16) {}

  __host__ __device__ explicit operator bool() const { return data != nullptr; }
  __device__ float operator()(std::int64_t row, std::int64_t col) const {
    const std::int64_t i = row * stride + col;
    return low ? widen(static_cast<const std::uint16_t*>(data)[i]) : static_cast<const float*>(data)[i];
  }
  /// Element of a vector.
  __device__ float operator[](std::int64_t i) const { return (*this)(0, i); }
  __device__ void set(std::int64_t row, std::int64_t col, float value) const {
    const std::int64_t i = row * stride + col;
    if (low) {
      static_cast<std::uint16_t*>(data)[i] = narrow(value);
    } else {
      static_cast<float*>(data)[i] = value;
    }
  }
};

/// First element of a vector or matrix of T.
template <class T>
T* pointer_of(const Tensor& t) {
  return reinterpret_cast<T*>(data_of(t));
}

}  // namespace polysem::cuda
