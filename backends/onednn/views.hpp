#pragma once

#include "backends/onednn/context.hpp"

namespace polysem::onednn {

/// Rows of f32 or bf16 that are worked on as f32: f32 rows in place, bf16 rows through a small buffer.
class RowReader {
 public:
  explicit RowReader(const Tensor& t)
      : data_(data_of<std::byte>(t)), stride_(t.stride), bf16_(t.dtype == DType::kBF16) {}
  explicit operator bool() const noexcept { return data_ != nullptr; }
  bool bf16() const noexcept { return bf16_; }
  /// `n` elements from (row, col) on, perhaps in `buffer`.
  const float* read(std::int64_t row, std::int64_t col, std::int64_t n, float* buffer) const {
    const std::int64_t at = row * stride_ + col;
    if (!bf16_) return reinterpret_cast<const float*>(data_) + at;
    kernels().widen(reinterpret_cast<const std::uint16_t*>(data_) + at, buffer, n);
    return buffer;
  }

 protected:
  std::byte* data_;
  std::int64_t stride_;
  bool bf16_;
};

/// The same for writing.
class RowWriter : public RowReader {
 public:
  using RowReader::RowReader;
  /// Where to put `n` elements of (row, col) before done().
  float* place(std::int64_t row, std::int64_t col, float* buffer) const {
    return bf16_ ? buffer : reinterpret_cast<float*>(data_) + row * stride_ + col;
  }
  void done(std::int64_t row, std::int64_t col, std::int64_t n, const float* from) const {
    if (bf16_) kernels().narrow(from, reinterpret_cast<std::uint16_t*>(data_) + row * stride_ + col, n);
  }
};

/// An f32 row or null.
inline float* row_of(const Tensor& t, std::int64_t row) {
  return t ? data_of<float>(t) + row * t.stride : nullptr;
}

inline Rows rows_of(const Tensor& t) { return {data_of<std::byte>(t), t.stride, t.dtype == DType::kBF16}; }

/// Elements a piece of elementwise work: enough to hide a task's cost, few enough to share out.
constexpr std::int64_t kPiece = 32768;
/// Elements that pass through a buffer at once.
constexpr std::int64_t kChunk = 512;

/// Rows a task such that it has about kPiece elements.
inline std::int64_t rows_a_task(std::int64_t cols) {
  return std::max<std::int64_t>(1, kPiece / std::max<std::int64_t>(cols, 1));
}

}  // namespace polysem::onednn
