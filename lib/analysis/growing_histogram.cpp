#include "polysem/growing_histogram.hpp"

#include <algorithm>
#include <cmath>

namespace polysem {
namespace {
constexpr int kSmallestExponent = -100;
}  // namespace

void GrowingHistogram::add(float value) noexcept {
  int exponent = 0;
  std::frexp(value, &exponent);  // value < 2^exponent
  exponent = std::max(exponent, kSmallestExponent);
  if (total_ == 0) exponent_ = exponent;
  if (exponent > exponent_) grow_to(exponent);
  // Scaling by a power of two is exact, so equal values meet in one bin whatever the range was before.
  const double bin = std::ldexp(static_cast<double>(value), -exponent_) * kBins;
  ++counts_[std::min(static_cast<std::size_t>(bin), counts_.size() - 1)];
  ++total_;
}

void GrowingHistogram::grow_to(int exponent) noexcept {
  for (; exponent_ < exponent; ++exponent_) {
    for (std::size_t i = 0; i < kBins / 2; ++i) counts_[i] = counts_[2 * i] + counts_[2 * i + 1];
    std::fill(counts_.begin() + kBins / 2, counts_.end(), 0);
  }
}

double GrowingHistogram::limit() const noexcept { return total_ == 0 ? 0.0 : std::ldexp(1.0, exponent_); }

double GrowingHistogram::quantile_of(double value) const noexcept {
  if (total_ == 0 || !(value > 0)) return 0.0;
  const double bin = value / limit() * kBins;
  double below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    below += static_cast<double>(counts_[i]) * std::clamp(bin - static_cast<double>(i), 0.0, 1.0);
  }
  return below / static_cast<double>(total_);
}

}  // namespace polysem
