#pragma once

#include <algorithm>
#include <initializer_list>

#include "backends/vulkan/view.hpp"
#include "polysem/error.hpp"

namespace polysem::vulkan {

/// A part of a matrix that one dispatch does.
struct Window {
  std::int64_t row, rows, col, cols;

  Tensor of(const Tensor& t) const { return t ? t.row_range(row, rows).col_range(col, cols) : t; }
  /// The same part of an operand that may have one row or one column for all.
  Tensor spread_of(const Tensor& t) const {
    if (!t) return t;
    const Tensor picked = t.rows == 1 ? t : t.row_range(row, rows);
    return picked.cols == 1 ? picked : picked.col_range(col, cols);
  }
};

/// Calls f with windows that cover a rows x cols matrix and are such that a binding covers each of `tensors`
/// there, and a shader's 32 bits count the elements. Whole rows where possible.
template <class F>
void each_window(const Device& device, std::int64_t rows, std::int64_t cols,
                 std::initializer_list<Tensor> tensors, F&& f) {
  if (rows == 0 || cols == 0) return;
  constexpr std::int64_t kMostElements = std::int64_t{1} << 30;
  std::int64_t step = kMostElements / cols;
  for (const Tensor& t : tensors)
    if (t.rows > 1) step = std::min(step, rows_in_range(device, t));
  std::int64_t col_step = cols;
  for (const Tensor& t : tensors)
    if (t && view_bytes(device, t, cols) > device.limits().range) step = 0;
  if (step == 0) {
    step = 1;
    col_step = cols_in_range(device);
  }
  for (std::int64_t r = 0; r < rows; r += step)
    for (std::int64_t c = 0; c < cols; c += col_step)
      f(Window{r, std::min(step, rows - r), c, std::min(col_step, cols - c)});
}

/// The same for shaders that take whole rows. Throws Error{kUnsupported} where a binding does not cover one.
template <class F>
void each_row_window(const Device& device, std::int64_t rows, std::initializer_list<Tensor> tensors, F&& f) {
  std::int64_t step = rows;
  for (const Tensor& t : tensors) step = std::min(step, rows_in_range(device, t));
  if (rows > 0 && step == 0)
    throw Error(ErrorCode::kUnsupported, "a row is longer than what a shader of this device sees");
  for (std::int64_t r = 0; r < rows; r += step) f(r, std::min(step, rows - r));
}

}  // namespace polysem::vulkan
