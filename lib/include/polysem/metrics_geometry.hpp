#pragma once

#include "polysem/executor.hpp"
#include "polysem/sparse_coder.hpp"

namespace polysem {

/// Angles between the directions of a coder. Rows of zeros count as orthogonal to everything.
struct GeometryResult {
  double mean_max_decoder_cosine =
      0;  ///< mean over latents of the largest cosine to another latent's decoder row
  double mean_max_encoder_cosine = 0;
  double encoder_decoder_cosine = 0;  ///< mean cosine of a latent's own rows; NaN where widths differ

  /// Of the decoder rows, defined as in feature_geometry.hpp.
  double decoder_coherence = 0, mean_decoder_coherence = 0;  ///< largest and mean |cosine| of a pair
  double welch_bound = 0;                                    ///< least possible decoder_coherence
  double mean_dimensionality = 0, min_dimensionality = 0, max_dimensionality = 0;
  double capacity = 0;               ///< sum of the dimensionalities; at most d_out
  double dims_per_feature = 0;       ///< D* = d_out / |W_dec|_F^2
  double frame_potential_ratio = 0;  ///< to its bound: 1 is a tight frame; NaN where the decoder is zero
};

/// 4 latents^2 d operations on the backend, in blocks of rows, and 4 latents d^2 for the dimensionalities.
GeometryResult coder_geometry(Executor& executor, const CoderConfig& config, const CoderWeights& weights);

}  // namespace polysem
