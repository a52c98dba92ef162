#pragma once

#include <array>
#include <cstdint>

namespace polysem {

/// Histogram of positive values whose range is not known beforehand: 64 equal bins from 0 to a power of two
/// that doubles (pairs of bins are added together) when a larger value arrives. Where a value is counted in
/// the end depends on the set of values only, not on their order. Values below 2^-100 count as 2^-100.
class GrowingHistogram {
 public:
  static constexpr int kBins = 64;

  /// Counts one finite value > 0.
  void add(float value) noexcept;
  /// Upper end of the range; 0 while nothing was counted.
  double limit() const noexcept;
  const std::array<std::uint64_t, kBins>& counts() const noexcept { return counts_; }
  std::uint64_t total() const noexcept { return total_; }
  /// Share of the counted values below `value`, taking those inside a bin as evenly spread. 0 when empty.
  double quantile_of(double value) const noexcept;

 private:
  void grow_to(int exponent) noexcept;

  std::array<std::uint64_t, kBins> counts_{};
  std::uint64_t total_ = 0;
  int exponent_ = 0;  ///< limit() is 2^exponent_
};

}  // namespace polysem
