#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "polysem/dtype.hpp"

namespace polysem {

/// Memory that a backend owns, on its device. Opaque: data goes in and out through a Queue. Letting go of the
/// last reference while queued work still uses the memory is safe; the backend waits or defers.
class Buffer {
 public:
  virtual ~Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  std::uint64_t bytes() const noexcept { return bytes_; }

 protected:
  explicit Buffer(std::uint64_t bytes) noexcept : bytes_(bytes) {}

 private:
  std::uint64_t bytes_;
};

/// View of a row-major matrix inside a Buffer; owns nothing, costs nothing to copy. Vectors are matrices of
/// one row. A default-made Tensor is "absent" and converts to false; ops take it for optional operands.
struct Tensor {
  Buffer* buffer = nullptr;
  std::uint64_t offset = 0;  ///< bytes from the start of the buffer
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;  ///< elements from one row to the next, >= cols
  DType dtype = DType::kF32;

  explicit operator bool() const noexcept { return buffer != nullptr; }
  std::int64_t elements() const noexcept { return rows * cols; }
  bool contiguous() const noexcept { return rows <= 1 || stride == cols; }
  /// Bytes from the first element to one past the last.
  std::uint64_t span_bytes() const noexcept;

  /// Rows [first, first + count); the caller keeps them inside.
  Tensor row_range(std::int64_t first, std::int64_t count) const noexcept;
  /// Columns [first, first + count).
  Tensor col_range(std::int64_t first, std::int64_t count) const noexcept;
  /// The same contiguous elements under another shape of equal size.
  Tensor reshaped(std::int64_t new_rows, std::int64_t new_cols) const noexcept;
};

/// A matrix together with the memory that it lives in.
class Array {
 public:
  Array() = default;
  Array(std::shared_ptr<Buffer> buffer, Tensor view) : buffer_(std::move(buffer)), view_(view) {}
  const Tensor& view() const noexcept { return view_; }
  operator const Tensor&() const noexcept {
    return view_;
  }  // NOLINT: an Array is used wherever a view is wanted
  explicit operator bool() const noexcept { return static_cast<bool>(view_); }
  std::int64_t rows() const noexcept { return view_.rows; }
  std::int64_t cols() const noexcept { return view_.cols; }

 private:
  std::shared_ptr<Buffer> buffer_;
  Tensor view_;
};

/// Sparse latent activations of a batch, CSR: for row r the entries [row_offsets[r], row_offsets[r+1]), or
/// [r k, (r+1) k) where every row has k of them and `row_offsets` is absent. Inside a row the latent ids
/// ascend. An entry may hold the value 0 (a selected latent that ReLU silenced): it is not active.
struct SparseCodes {
  Tensor values;       ///< f32 [1, capacity]
  Tensor latents;      ///< i32 [1, capacity]
  Tensor row_offsets;  ///< i32 [1, rows + 1], absent when k > 0
  std::int64_t rows = 0;
  std::int64_t k = 0;  ///< entries a row, or 0 when they vary
  std::int64_t capacity() const noexcept { return values.cols; }
};

}  // namespace polysem
