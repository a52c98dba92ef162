#include "lib/train/l0_controller.hpp"

#include <algorithm>
#include <cmath>

namespace polysem {

namespace {

constexpr double kLongestWindow = 100, kWindowsARun = 50;
// A run can multiply the coefficient by e^kReach, within the bounds below.
constexpr double kSlowestRate = 3e-4, kReach = 8;
constexpr double kLeast = 0.01, kMost = 100;
constexpr double kTrendRate = 0.05, kResting = 0.01, kSteepness = 2;

}  // namespace

L0Controller::L0Controller(double target, std::int64_t steps)
    : target_(target),
      window_(std::clamp(static_cast<double>(steps) / kWindowsARun, 1.0, kLongestWindow)),
      rate_(std::clamp(kReach / static_cast<double>(steps), kSlowestRate, 0.1)) {}

void L0Controller::observe(double l0) {
  const double before = smoothed_;
  smoothed_ = observations_ == 0 ? l0 : smoothed_ + (l0 - smoothed_) / window_;
  if (observations_ > 0) trend_ += kTrendRate * (smoothed_ - before - trend_);
  ++observations_;
  const double error = smoothed_ - target_;
  const bool on_its_way = error * trend_ < 0 && std::abs(trend_) * window_ >= std::abs(error);
  const double gain = on_its_way ? kResting : 1.0;
  const double change = rate_ * gain * std::tanh(kSteepness * error / target_);
  multiplier_ = std::clamp(multiplier_ * (1 + change), kLeast, kMost);
}

std::vector<NamedNumber> L0Controller::numbers() {
  return {{"l0_controller.smoothed", &smoothed_},
          {"l0_controller.trend", &trend_},
          {"l0_controller.multiplier", &multiplier_},
          {"l0_controller.observations", &observations_}};
}

}  // namespace polysem
