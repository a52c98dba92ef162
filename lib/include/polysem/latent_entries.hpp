#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "polysem/executor.hpp"
#include "polysem/latent_report.hpp"
#include "polysem/latent_selection.hpp"

namespace polysem {

/// What entries of the report are made from. Matrices are row-major, one row a latent or token.
struct EntrySources {
  std::span<const LatentRecord> records = {};     ///< LatentCollector::records()
  std::int64_t rows = 0;                          ///< LatentCollector::rows()
  std::span<const std::int64_t> label_rows = {};  ///< LatentCollector::label_rows()
  ReportNames names = {};
  TokenVectors vectors = {};                ///< for LatentTraits, as given to choose_latents()
  std::int64_t dim = 0;                     ///< width of a decoder row
  std::span<const float> encoder = {};      ///< [latents, dim], or empty: no encoder-decoder cosine
  std::span<const float> decoder = {};      ///< [latents, dim]
  std::span<const float> norm_weight = {};  ///< [dim] of the model's last norm, or empty
  std::span<const float> unembedding = {};  ///< [vocabulary, dim], or empty: no logit effects
  std::int64_t neighbours = 6;              ///< nearest latents for each
  std::int64_t effects = 10;                ///< tokens promoted and tokens suppressed for each
};

/// Complete entries of these latents, in their order. Throws Error{kInvalidArgument} if a latent is out of
/// range or sizes disagree.
std::vector<LatentEntry> latent_entries(Executor& executor, const EntrySources& sources,
                                        std::span<const std::int64_t> latents, LatentChoice choice);

}  // namespace polysem
