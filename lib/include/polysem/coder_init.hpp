#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "polysem/sparse_coder.hpp"

namespace polysem {

/// Point with the smallest sum of distances to the rows of `points` [rows, dim], by Weiszfeld's iteration
/// (Weiszfeld 1937) in double, until a step is below 1e-6 of the typical distance or after 100 steps. Robust
/// where a mean is not.
std::vector<float> geometric_median(std::span<const float> points, std::int64_t rows, std::int64_t dim);

/// Weights to start from: decoder rows are random directions of length 1, the encoder is tied to them
/// (W_enc = W_dec^T), b_enc = 0, b_dec = geometric median of `targets` [rows, d_out] (Gao et al., appendix
/// A.1). Where input and output differ in width the encoder gets random directions of its own.
CoderWeights initial_weights(const CoderConfig& config, std::span<const float> targets, std::int64_t rows,
                             std::uint64_t seed);

/// Multiplies the encoder by <x, y> / <y, y>, where y is what the coder makes of x [rows, d_in] and both are
/// taken about b_dec: tied random directions overshoot, since the selected latents overlap. After Gao et al.,
/// appendix A.1, who rescale the encoder so that lengths match; this is the factor with the least squared
/// error. Autoencoders only.
void rescale_encoder(Executor& executor, const CoderConfig& config, CoderWeights& weights,
                     std::span<const float> x);

/// Thresholds at which each latent is active on k / latents of the rows of x [rows, d_in], so that L0 begins
/// at k (config.k) with no latent dead; on one row at least, and never below 0.
std::vector<float> initial_thresholds(Executor& executor, const CoderConfig& config,
                                      const CoderWeights& weights, std::span<const float> x);

}  // namespace polysem
