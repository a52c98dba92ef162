#pragma once

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

/// Matrix of f32 or bf16 in memory, read as double; what is written is rounded to the element type. False
/// where the operand is absent.
class Floats {
 public:
  explicit Floats(const Tensor& t)
      : data_(t ? data_of(t) : nullptr), stride_(t.stride), bf16_(t.dtype == DType::kBF16) {}
  explicit operator bool() const noexcept { return data_ != nullptr; }

  double operator()(std::int64_t row, std::int64_t col) const noexcept {
    const std::int64_t i = row * stride_ + col;
    return bf16_ ? from_bf16(reinterpret_cast<const std::uint16_t*>(data_)[i])
                 : reinterpret_cast<const float*>(data_)[i];
  }
  /// Element of a vector.
  double operator[](std::int64_t i) const noexcept { return (*this)(0, i); }

  void set(std::int64_t row, std::int64_t col, double value) const noexcept {
    const std::int64_t i = row * stride_ + col;
    const auto rounded = static_cast<float>(value);
    if (bf16_) {
      reinterpret_cast<std::uint16_t*>(data_)[i] = to_bf16(rounded);
    } else {
      reinterpret_cast<float*>(data_)[i] = rounded;
    }
  }
  void set(std::int64_t i, double value) const noexcept { set(0, i, value); }

 private:
  std::byte* data_;
  std::int64_t stride_;
  bool bf16_;
};

/// An input of a product as the precision wants it.
inline double rounded_to(Precision precision, double value) noexcept {
  return precision == Precision::kBF16 ? from_bf16(to_bf16(static_cast<float>(value))) : value;
}

}  // namespace polysem::reference
