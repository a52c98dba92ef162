#include <cmath>

#include "polysem/sparse_coder.hpp"

namespace polysem {

void fold_decoder_norms(CoderWeights& weights) {
  const std::size_t latents = weights.b_enc.size();
  if (latents == 0) return;
  const std::size_t d_in = weights.w_enc.size() / latents, d_out = weights.w_dec.size() / latents;
  for (std::size_t j = 0; j < latents; ++j) {
    double squares = 0;
    for (std::size_t d = 0; d < d_out; ++d)
      squares += double{weights.w_dec[j * d_out + d]} * weights.w_dec[j * d_out + d];
    if (squares == 0) continue;
    const double norm = std::sqrt(squares);
    for (std::size_t d = 0; d < d_out; ++d)
      weights.w_dec[j * d_out + d] = static_cast<float>(weights.w_dec[j * d_out + d] / norm);
    for (std::size_t d = 0; d < d_in; ++d)
      weights.w_enc[j * d_in + d] = static_cast<float>(weights.w_enc[j * d_in + d] * norm);
    weights.b_enc[j] = static_cast<float>(weights.b_enc[j] * norm);
    if (!weights.threshold.empty()) weights.threshold[j] = static_cast<float>(weights.threshold[j] * norm);
  }
}

}  // namespace polysem
