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
};

/// 4 latents^2 d operations on the backend, in blocks of rows.
GeometryResult coder_geometry(Executor& executor, const CoderConfig& config, const CoderWeights& weights);

}  // namespace polysem
