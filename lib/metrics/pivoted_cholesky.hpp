#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace polysem {

/// P^T A P = L L^T of a symmetric positive semidefinite matrix, stopped where the next pivot is below
/// `tolerance` times the first one (Higham, Accuracy and Stability of Numerical Algorithms, section 10.3).
class PivotedCholesky {
 public:
  PivotedCholesky(std::vector<double> matrix, std::int64_t size, double tolerance);

  std::int64_t rank() const noexcept { return static_cast<std::int64_t>(pivots_.size()); }
  /// x^T A^+ x for an x in the range of A. There any generalised inverse gives the same value; this one
  /// inverts the block of the pivots.
  double inverse_form(std::span<const float> x) const;

 private:
  std::size_t size_;
  std::vector<double> lower_;  ///< [size, size]; row i is the matrix's row i, column k the k-th pivot
  std::vector<std::size_t> pivots_;
};

}  // namespace polysem
