#pragma once

#include "backends/onednn/context.hpp"
#include "backends/onednn/product_input.hpp"

namespace polysem::onednn {

/// Exact f32 selection at the price of a bf16 product. With x~ and w~ the inputs rounded to bf16,
///   |x.w - x~.w~| <= |x| |w - w~| + |x - x~| |w~|            (Cauchy-Schwarz)
/// and each product adds at most gamma |x| |w| by its own rounding (Higham, "Accuracy and Stability of
/// Numerical Algorithms", section 3.1: gamma = n u / (1 - n u)). So a pre-activation from the rounded product
/// brackets the one of an f32 product, and only latents whose bracket reaches the threshold have to be
/// computed in f32. The bounds are rounded up and hold for any order of summation; hard data makes more
/// latents reach the threshold, never a wrong choice.
class Screening {
 public:
  /// Whether sums of `d_in` products, ranked by `scale` (or null), can be screened on this processor.
  static bool possible(std::int64_t d_in, const float* scale, std::int64_t latents);

  Screening(Context& context, const Tensor& x, const Tensor& w_enc, const Tensor& b_enc);
  /// Of other rows and the same latents.
  Screening(Context& context, const Tensor& x, const Screening& other);

  ProductInput x() const noexcept { return {reinterpret_cast<const std::byte*>(x_), d_}; }
  ProductInput w() const noexcept { return {reinterpret_cast<const std::byte*>(w_), d_}; }
  /// For a tile that starts at this row and latent.
  ScanBounds bounds(std::int64_t row, std::int64_t latent) const noexcept;
  /// Whether a row's numbers are so large that the bounds say nothing.
  bool beyond(std::int64_t row) const noexcept { return !(row_norm_[row] * largest_ < 1e37f); }

 private:
  template <class Each>
  void round(Context& context, const Tensor& matrix, std::uint16_t* low, Each&& each) const;
  void round_rows(Context& context, const Tensor& x);

  std::int64_t d_;
  std::uint16_t *x_, *w_;
  float *row_norm_, *row_error_;
  float *latent_error_, *latent_norm_, *latent_room_;
  float largest_ = 0.0f;  // of the latents' lengths
};

}  // namespace polysem::onednn
