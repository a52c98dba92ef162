#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "backends/reference/host_buffer.hpp"
#include "polysem/dtype.hpp"
#include "polysem/operand.hpp"

namespace polysem::reference {

/// Matrix of integers in memory; false where the operand is absent.
template <class T>
class Integers {
 public:
  explicit Integers(const Tensor& t)
      : data_(t ? reinterpret_cast<T*>(data_of(t)) : nullptr), stride_(t.stride) {}
  explicit operator bool() const noexcept { return data_ != nullptr; }
  T& operator()(std::int64_t row, std::int64_t col) const noexcept { return data_[row * stride_ + col]; }
  /// Element of a vector.
  T& operator[](std::int64_t i) const noexcept { return data_[i]; }

 private:
  T* data_;
  std::int64_t stride_;
};

/// Matrix of f32, bf16 or f16 in memory, read as double; what is written is rounded to the element type.
/// False where the operand is absent.
class Floats {
 public:
  explicit Floats(const Tensor& t) : data_(t ? data_of(t) : nullptr), stride_(t.stride), type_(t.dtype) {}
  explicit operator bool() const noexcept { return data_ != nullptr; }

  double operator()(std::int64_t row, std::int64_t col) const noexcept {
    const std::int64_t i = row * stride_ + col;
    if (type_ == DType::kF32) return reinterpret_cast<const float*>(data_)[i];
    const std::uint16_t bits = reinterpret_cast<const std::uint16_t*>(data_)[i];
    return type_ == DType::kBF16 ? from_bf16(bits) : from_f16(bits);
  }
  /// Element of a vector.
  double operator[](std::int64_t i) const noexcept { return (*this)(0, i); }

  void set(std::int64_t row, std::int64_t col, double value) const noexcept {
    const std::int64_t i = row * stride_ + col;
    const auto rounded = static_cast<float>(value);
    if (type_ == DType::kF32) {
      reinterpret_cast<float*>(data_)[i] = rounded;
    } else {
      reinterpret_cast<std::uint16_t*>(data_)[i] = type_ == DType::kBF16 ? to_bf16(rounded) : to_f16(rounded);
    }
  }
  void set(std::int64_t i, double value) const noexcept { set(0, i, value); }

 private:
  std::byte* data_;
  std::int64_t stride_;
  DType type_;
};

/// 10 of the 23 bits of fraction, to nearest even.
inline float to_tf32(float value) noexcept {
  if (!std::isfinite(value)) return value;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0xfffu + ((bits >> 13) & 1u)) & ~0x1fffu);
}

/// An input of a product as the precision wants it.
inline double rounded_to(Precision precision, double value) noexcept {
  switch (precision) {
    case Precision::kF32:
      return value;
    case Precision::kTF32:
      return to_tf32(static_cast<float>(value));
    case Precision::kBF16:
      return from_bf16(to_bf16(static_cast<float>(value)));
    case Precision::kF16:
      return from_f16(to_f16(static_cast<float>(value)));
  }
  return value;
}

}  // namespace polysem::reference
