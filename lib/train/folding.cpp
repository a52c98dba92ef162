#include <cmath>

#include "polysem/error.hpp"
#include "polysem/trainer.hpp"

namespace polysem {

void fold_input_scale(CoderWeights& weights, double scale) {
  if (!(scale > 0) || !std::isfinite(scale))
    throw Error(ErrorCode::kInvalidArgument, "fold_input_scale: the scale must be positive");
  for (float& w : weights.w_enc) w = static_cast<float>(w * scale);
  for (float& w : weights.w_dec) w = static_cast<float>(w / scale);
  for (float& b : weights.b_dec) b = static_cast<float>(b / scale);
}

}  // namespace polysem
