#pragma once

#include <cstdint>
#include <string_view>

namespace polysem {

/// Learning rate over a run: linear warm-up from 0, then the shape, then linear decay to 0 over the last
/// `decay` steps.
struct LearningRate {
  enum class Shape : std::uint8_t {
    kConstant,
    kCosine,  ///< half a cosine from the peak to a tenth of it, between warm-up and decay
  };
  double peak = 1e-3;
  Shape shape = Shape::kConstant;
  std::int64_t warmup = 0, decay = 0, steps = 1;

  /// Rate of step 1 .. steps.
  double at(std::int64_t step) const noexcept;
};

std::string_view name(LearningRate::Shape shape) noexcept;

}  // namespace polysem
