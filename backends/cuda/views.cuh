#pragma once

#include <cstdint>

#include "backends/cuda/memory.hpp"

namespace polysem::cuda {

/// The functions of polysem/dtype.hpp on the device: rounded to nearest even, NaN stays NaN.
__device__ inline float float_of_bf16(std::uint16_t bits) {
  return __uint_as_float(static_cast<std::uint32_t>(bits) << 16);
}
__device__ inline std::uint16_t bf16_of(float value) {
  const std::uint32_t bits = __float_as_uint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
// Without branches, so that loops which read many do not wait for each: the scaling is exact, of subnormal
// numbers too.
__device__ inline float float_of_f16(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16, magnitude = bits & 0x7fffu;
  const std::uint32_t finite = __float_as_uint(__uint_as_float(magnitude << 13) * 0x1p112f);
  return __uint_as_float(sign | finite | (magnitude >= 0x7c00u ? 0x7f800000u : 0u));
}
__device__ inline std::uint16_t f16_of(float value) {
  const std::uint32_t bits = __float_as_uint(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // rounds to 65536 or more
  if (magnitude < 0x38800000u)  // subnormal half: the addition rounds at the right bit
    return static_cast<std::uint16_t>(sign |
                                      (__float_as_uint(__uint_as_float(magnitude) + 0.5f) - 0x3f000000u));
  return static_cast<std::uint16_t>(sign |
                                    ((magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13));
}

/// Matrix of f32, bf16 or f16 on the device, read as float; what is written is rounded to the element type.
/// False where the operand is absent.
struct Floats {
  void* data = nullptr;
  std::int64_t stride = 0;
  DType type = DType::kF32;

  Floats() = default;
  explicit Floats(const Tensor& t) : data(data_of(t)), stride(t.stride), type(t.dtype) {}

  __host__ __device__ explicit operator bool() const { return data != nullptr; }
  __device__ float operator()(std::int64_t row, std::int64_t col) const {
    const std::int64_t i = row * stride + col;
    if (type == DType::kF32) return static_cast<const float*>(data)[i];
    const std::uint16_t bits = static_cast<const std::uint16_t*>(data)[i];
    return type == DType::kBF16 ? float_of_bf16(bits) : float_of_f16(bits);
  }
  /// Element of a vector.
  __device__ float operator[](std::int64_t i) const { return (*this)(0, i); }
  __device__ void set(std::int64_t row, std::int64_t col, float value) const {
    const std::int64_t i = row * stride + col;
    if (type == DType::kF32) {
      static_cast<float*>(data)[i] = value;
    } else {
      static_cast<std::uint16_t*>(data)[i] = type == DType::kBF16 ? bf16_of(value) : f16_of(value);
    }
  }
};

/// First element of a vector or matrix of T.
template <class T>
T* pointer_of(const Tensor& t) {
  return reinterpret_cast<T*>(data_of(t));
}

}  // namespace polysem::cuda
