#pragma once

#include <functional>
#include <span>
#include <vector>

#include "polysem/language_model.hpp"
#include "polysem/sparse_coder.hpp"

namespace polysem {

/// What putting a coder's reconstruction in place of the activations of a site does to the model. Losses are
/// cross-entropies of the next token, KL divergences those from the untouched model, in nats, means over
/// tokens.
struct PreservationResult {
  std::int64_t tokens = 0;          ///< predictions that were scored
  std::int64_t untouched_rows = 0;  ///< rows that were left as they were: position 0 and massive activations
  double ce_loss_without_sae = 0, ce_loss_with_sae = 0;
  double ce_loss_with_ablation = 0;  ///< mean ablation
  double ce_loss_with_zero_ablation = 0;
  double ce_loss_score = 0;       ///< (ablated - with) / (ablated - without), mean ablation
  double ce_loss_score_zero = 0;  ///< the same against zero ablation
  double kl_div_with_sae = 0, kl_div_with_ablation = 0, kl_div_score = 0;  ///< score: 1 - with / ablation
};

struct PreservationOptions {
  Site site;
  std::span<const float> mean;  ///< mean row, for mean ablation
  double massive_limit = 0;     ///< longer rows stay as they are; 0: none do
  bool keep_first = true;       ///< rows at position 0 stay as they are
};

/// Four runs over each batch of contexts: as it is, with the reconstruction, with the mean, with zeros.
/// `on_progress` hears the batches done.
PreservationResult model_preservation(LanguageModel& model, const CoderConfig& config,
                                      const CoderWeights& weights, std::span<const TokenBatch> batches,
                                      const PreservationOptions& options,
                                      const std::function<void(std::int64_t)>& on_progress = {});

}  // namespace polysem
