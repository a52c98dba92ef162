#include "polysem/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace polysem {

double LearningRate::at(std::int64_t step) const noexcept {
  double rate = peak;
  if (shape == Shape::kCosine) {
    const auto span = static_cast<double>(std::max<std::int64_t>(1, steps - warmup - decay));
    const double position = std::clamp(static_cast<double>(step - warmup) / span, 0.0, 1.0);
    rate *= 0.1 + 0.9 * 0.5 * (1.0 + std::cos(std::numbers::pi * position));
  }
  if (step < warmup) rate *= static_cast<double>(step) / static_cast<double>(warmup);
  const std::int64_t left = steps - step + 1;
  if (left < decay) rate *= static_cast<double>(left) / static_cast<double>(decay);
  return rate;
}

std::string_view name(LearningRate::Shape shape) noexcept {
  return shape == LearningRate::Shape::kCosine ? "cosine" : "constant";
}

}  // namespace polysem
