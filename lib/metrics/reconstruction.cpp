#include <cmath>

#include "polysem/error.hpp"
#include "polysem/metrics_reconstruction.hpp"

namespace polysem {

ReconstructionMetrics::ReconstructionMetrics(std::int64_t dim) : dim_(dim) {
  if (dim < 1) throw Error(ErrorCode::kInvalidArgument, "ReconstructionMetrics: dim must be positive");
  sum_.assign(static_cast<std::size_t>(dim), 0.0);
}

void ReconstructionMetrics::add(std::span<const float> x, std::span<const float> y) {
  const auto dim = static_cast<std::size_t>(dim_);
  if (x.size() != y.size() || x.size() % dim != 0)
    throw Error(ErrorCode::kInvalidArgument, "ReconstructionMetrics: x and y must hold the same whole rows");
  if (x.empty()) return;
  if (origin_.empty()) origin_.assign(x.begin(), x.begin() + dim_);
  for (std::size_t start = 0; start < x.size(); start += dim) {
    double xx = 0, yy = 0, xy = 0, error = 0, squares = 0;
    for (std::size_t d = 0; d < dim; ++d) {
      const double a = x[start + d], b = y[start + d], centred = a - origin_[d];
      xx += a * a, yy += b * b, xy += a * b, error += (a - b) * (a - b), squares += centred * centred;
      sum_[d] += centred;
    }
    ++rows_;
    error_ += error, squares_ += squares, out_squares_ += yy, dot_ += xy;
    norm_in_ += std::sqrt(xx), norm_out_ += std::sqrt(yy);
    if (xx > 0) ++ratio_rows_, ratio_ += std::sqrt(yy / xx);
    if (xx > 0 && yy > 0) ++cosine_rows_, cosine_ += xy / std::sqrt(xx * yy);
  }
}

ReconstructionResult ReconstructionMetrics::result() const {
  const auto n = static_cast<double>(rows_);
  double mean_squares = 0;
  for (const double s : sum_) mean_squares += (s / n) * (s / n);
  const double variance = squares_ / n - mean_squares;
  ReconstructionResult r;
  r.rows = rows_;
  r.mse = error_ / n;
  r.fvu = variance > 0 ? r.mse / variance : std::nan("");
  r.explained_variance = 1.0 - r.fvu;
  r.cossim = cosine_ / static_cast<double>(cosine_rows_);
  r.l2_norm_in = norm_in_ / n;
  r.l2_norm_out = norm_out_ / n;
  r.l2_ratio = ratio_ / static_cast<double>(ratio_rows_);
  r.relative_reconstruction_bias = out_squares_ / dot_;
  return r;
}

}  // namespace polysem
