#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace polysem {

/// How well y rebuilds x, over all rows that were added, in double.
struct ReconstructionResult {
  std::int64_t rows = 0;
  double fvu = 0;                 ///< sum |x - y|^2 / sum |x - mean x|^2, the mean taken over the same rows
  double explained_variance = 0;  ///< 1 - fvu; 0 for predicting the mean
  double mse = 0;                 ///< |x - y|^2, summed over dimensions, mean over rows
  double cossim = 0;              ///< mean cosine of x and y; rows where either is zero are left out
  double l2_norm_in = 0;          ///< mean |x|
  double l2_norm_out = 0;         ///< mean |y|
  double l2_ratio = 0;            ///< mean |y| / |x|; rows where x is zero are left out
  double relative_reconstruction_bias =
      0;  ///< E|y|^2 / E[x.y] (Rajamanoharan et al., arXiv 2404.16014, eq. 10)
};

/// Collects rows in one pass; results do not depend on how rows are cut into calls beyond rounding in double.
class ReconstructionMetrics {
 public:
  explicit ReconstructionMetrics(std::int64_t dim);
  /// x and y hold the same whole number of rows.
  void add(std::span<const float> x, std::span<const float> y);
  /// NaN where nothing was added or the variance is zero.
  ReconstructionResult result() const;

 private:
  std::int64_t dim_;
  std::int64_t rows_ = 0, cosine_rows_ = 0, ratio_rows_ = 0;
  std::vector<double> origin_,
      sum_;  // sums are taken about the first row, so that a large mean costs no digits
  double squares_ = 0, error_ = 0, cosine_ = 0, norm_in_ = 0, norm_out_ = 0, ratio_ = 0, out_squares_ = 0,
         dot_ = 0;
};

}  // namespace polysem
