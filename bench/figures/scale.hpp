#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/figures/figure.hpp"

namespace polysem::figures {

/// Where values of an axis stand in pixels, and what is written at it.
class Scale {
 public:
  /// Covers `values` (those that are not finite, or not positive on a logarithmic axis, do not count), with a
  /// little room where the axis does not fix its ends.
  Scale(const Axis& axis, const std::vector<double>& values);

  void set_pixels(double low, double high) { low_pixel_ = low, high_pixel_ = high; }
  bool shows(double value) const;
  /// Values beyond the ends go to the end.
  double pixel(double value) const;
  double lowest() const noexcept { return lowest_; }
  double highest() const noexcept { return highest_; }
  const std::vector<std::pair<double, std::string>>& ticks() const noexcept { return ticks_; }

 private:
  double position(double value) const;

  bool log_;
  double lowest_, highest_;
  double low_pixel_ = 0, high_pixel_ = 1;
  std::vector<std::pair<double, std::string>> ticks_;
};

}  // namespace polysem::figures
