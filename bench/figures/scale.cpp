#include "bench/figures/scale.hpp"

#include <algorithm>
#include <cmath>

#include "bench/figures/svg_text.hpp"

namespace polysem::figures {

namespace {

using Ticks = std::vector<std::pair<double, std::string>>;

/// About five at multiples of 1, 2 or 5 times a power of ten.
Ticks linear_ticks(double lowest, double highest) {
  const double rough = (highest - lowest) / 5;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough * 0.999) {
      step = factor * power;
      break;
    }
  Ticks ticks;
  for (double i = std::ceil(lowest / step - 1e-9); i * step <= highest + 1e-9 * step; ++i)
    ticks.emplace_back(i * step, label_number(i * step));
  return ticks;
}

/// Powers of ten, or 1, 2 and 5 times them where there are few.
Ticks log_ticks(double lowest, double highest) {
  const double first = std::floor(std::log10(lowest) + 1e-9), last = std::ceil(std::log10(highest) - 1e-9);
  const double decades = std::log10(highest / lowest);
  const double every = std::max(1.0, std::ceil(decades / 6));
  const bool short_numbers = lowest >= 0.0009 && highest <= 99999;
  Ticks ticks;
  for (double exponent = first; exponent <= last; exponent += every) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor != 1.0 && decades > 2.2) continue;
      const double value = factor * std::pow(10.0, exponent);
      if (value < lowest * (1 - 1e-9) || value > highest * (1 + 1e-9)) continue;
      const bool power = !short_numbers && factor == 1.0;
      ticks.emplace_back(value, power ? "10^" + label_number(exponent) : label_number(value));
    }
  }
  return ticks.size() < 2 ? linear_ticks(lowest, highest) : ticks;
}

}  // namespace

Scale::Scale(const Axis& axis, const std::vector<double>& values) : log_(axis.log) {
  lowest_ = INFINITY, highest_ = -INFINITY;
  for (const double v : values)
    if (std::isfinite(v) && (!log_ || v > 0))
      lowest_ = std::min(lowest_, v), highest_ = std::max(highest_, v);
  if (lowest_ > highest_) lowest_ = log_ ? 0.1 : 0, highest_ = 1;
  if (log_) {
    const double room = std::max(std::pow(highest_ / lowest_, 0.05), lowest_ == highest_ ? 2.0 : 1.0);
    lowest_ /= room, highest_ *= room;
  } else {
    const double span = highest_ - lowest_;
    const double room = span > 0 ? 0.05 * span : std::max(0.5, std::abs(highest_) * 0.1);
    // What is never negative gets no room below 0.
    const bool touches_zero = lowest_ >= 0 && lowest_ < 0.3 * highest_;
    lowest_ = touches_zero ? 0 : lowest_ - room;
    highest_ += room;
  }
  if (axis.lowest) lowest_ = *axis.lowest;
  if (axis.highest) highest_ = *axis.highest;
  if (!(highest_ > lowest_)) highest_ = log_ ? lowest_ * 10 : lowest_ + 1;
  if (!axis.ticks.empty()) {
    for (const auto& tick : axis.ticks)
      if (shows(tick.first)) ticks_.push_back(tick);
  } else {
    ticks_ = log_ ? log_ticks(lowest_, highest_) : linear_ticks(lowest_, highest_);
  }
}

double Scale::position(double value) const {
  return log_ ? std::log(value / lowest_) / std::log(highest_ / lowest_)
              : (value - lowest_) / (highest_ - lowest_);
}

bool Scale::shows(double value) const {
  if (!std::isfinite(value) || (log_ && value <= 0)) return false;
  const double at = position(value);
  return at > -1e-9 && at < 1 + 1e-9;
}

double Scale::pixel(double value) const {
  const double at = log_ && value <= 0 ? 0 : std::clamp(position(value), 0.0, 1.0);
  return low_pixel_ + at * (high_pixel_ - low_pixel_);
}

}  // namespace polysem::figures
