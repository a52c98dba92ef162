#include "lib/metrics/pivoted_cholesky.hpp"

#include <algorithm>
#include <cmath>

namespace polysem {

PivotedCholesky::PivotedCholesky(std::vector<double> matrix, std::int64_t size, double tolerance)
    : size_(static_cast<std::size_t>(size)), lower_(matrix.size()) {
  std::vector<double> diagonal(size_);
  for (std::size_t i = 0; i < size_; ++i) diagonal[i] = matrix[i * size_ + i];
  const double first = *std::max_element(diagonal.begin(), diagonal.end());
  for (std::size_t k = 0; k < size_; ++k) {
    const auto at =
        static_cast<std::size_t>(std::max_element(diagonal.begin(), diagonal.end()) - diagonal.begin());
    if (diagonal[at] <= tolerance * first || diagonal[at] <= 0) break;
    const double pivot = std::sqrt(diagonal[at]);
    for (std::size_t i = 0; i < size_; ++i) {
      double rest = matrix[i * size_ + at];
      for (std::size_t j = 0; j < k; ++j) rest -= lower_[i * size_ + j] * lower_[at * size_ + j];
      lower_[i * size_ + k] = rest / pivot;
      diagonal[i] -= lower_[i * size_ + k] * lower_[i * size_ + k];
    }
    diagonal[at] = 0;  // done; rounding must not bring it back
    pivots_.push_back(at);
    for (const std::size_t done : pivots_)
      if (done != at) lower_[done * size_ + k] = 0;
  }
}

double PivotedCholesky::inverse_form(std::span<const float> x) const {
  std::vector<double> solved(pivots_.size());
  double total = 0;
  for (std::size_t k = 0; k < pivots_.size(); ++k) {
    const double* row = lower_.data() + pivots_[k] * size_;
    double rest = x[pivots_[k]];
    for (std::size_t j = 0; j < k; ++j) rest -= row[j] * solved[j];
    solved[k] = rest / row[k];
    total += solved[k] * solved[k];
  }
  return total;
}

}  // namespace polysem
