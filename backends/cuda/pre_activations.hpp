#pragma once

#include "backends/cuda/product.hpp"

namespace polysem::cuda {

/// x W_enc^T of some rows at a time, without b_enc: few enough that the caches of large cards hold them until
/// a selection has read them. How many is fixed by the shape.
class PreActivations {
 public:
  static constexpr std::int64_t kMostAtOnce = std::int64_t{1} << 23;  ///< elements

  static std::int64_t rows_at_once(std::int64_t rows, std::int64_t latents) {
    return std::clamp<std::int64_t>(kMostAtOnce / std::max<std::int64_t>(latents, 1), 1,
                                    std::max<std::int64_t>(rows, 1));
  }
  static std::uint64_t workspace_bytes(std::int64_t rows, std::int64_t d_in, std::int64_t latents,
                                       Precision precision) {
    return product_input_bytes(rows, d_in, precision) + product_input_bytes(latents, d_in, precision) +
           matrix_part(rows_at_once(rows, latents), latents);
  }

  PreActivations(const Scope& s, const Tensor& x, const Tensor& w_enc, Precision precision)
      : s_(s),
        precision_(precision),
        x_(product_input(s, x, precision)),
        w_(product_input(s, w_enc, precision)),
        h_(s.workspace.matrix(rows_at_once(x.rows, w_enc.rows), w_enc.rows)) {}

  /// Calls f(first row, h) for all rows, h being a matrix [some rows, latents] of f32.
  template <class F>
  void each(F&& f) const {
    for (std::int64_t row = 0; row < x_.rows; row += h_.rows) {
      const Tensor h = h_.row_range(0, std::min(h_.rows, x_.rows - row));
      multiply(s_, Gemm{.m = h.rows, .n = h.cols, .k = x_.cols, .transpose_b = true, .precision = precision_},
               {.a = x_.row_range(row, h.rows), .b = w_, .bias = {}, .c = h});
      f(row, h);
    }
  }

 private:
  const Scope& s_;
  Precision precision_;
  Tensor x_, w_, h_;
};

}  // namespace polysem::cuda
