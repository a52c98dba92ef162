#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "polysem/core_file.hpp"
#include "polysem/language_model.hpp"

namespace polysem {

/// Which tokens of a generation are edited. The first token of a text never is: models park attention there,
/// and coders are trained without it (see polysem/capture.hpp).
enum class EditedPositions : std::uint8_t { kAll, kPrompt, kGenerated };

/// Edits latents of an autoencoder where a model's computation passes a site. What is added to the
/// activations is W_dec (f' - f), computed by polysem::core, so that what the coder does not explain is kept.
class Intervention {
 public:
  /// `coder` outlives it. Edits are numbered as the file has its latents. Throws Error{kInvalidArgument} for
  /// edits that the coder does not take, Error{kBadInput} for a transcoder, which reads one site and
  /// writes another.
  Intervention(const CoreModel& coder, const Site& site, std::vector<polysem_edit> edits);

  /// For LanguageModel::hidden() and run() over `batch`, which outlives the hook: all tokens but the first of
  /// each sequence. The hook refers to this object. It throws Error{kInvalidArgument} where the site is not
  /// as wide as what the coder reads.
  Hook over(const TokenBatch& batch);
  /// For one call of generate().
  Hook while_generating(EditedPositions positions);

  /// Tokens that were left as they are because an activation or an edited one is not finite.
  std::uint64_t skipped() const;

 private:
  void apply(Executor& executor, const Tensor& rows);

  const CoreModel* coder_;
  Site site_;
  std::vector<polysem_edit> edits_;
  std::vector<CoreState> states_;  ///< one for each thread that edits
};

/// What an intervention does to the predictions of the next token; in nats, means over `tokens`.
struct InterventionEffect {
  std::int64_t tokens = 0;
  double loss_without = 0, loss_with = 0;
  double kl_divergence = 0;     ///< KL(without || with)
  std::int64_t not_finite = 0;  ///< predictions that the edits made NaN or infinite; they are left out above
};
InterventionEffect intervention_effect(LanguageModel& model, Intervention& intervention,
                                       std::span<const TokenBatch> batches,
                                       const std::function<void(std::int64_t)>& on_progress = {});

/// How a latent fires over text, by the activations at a site; the first token of each sequence and massive
/// activations (see polysem/capture.hpp) are left out.
struct LatentUse {
  std::int64_t tokens = 0, active = 0;
  double mean = 0;  ///< where it is active; 0 if it never is
  double largest = 0;
};
/// Of each of `latents`, in the order given.
std::vector<LatentUse> latent_use(LanguageModel& model, const CoreModel& coder, const Site& site,
                                  std::span<const std::uint32_t> latents,
                                  std::span<const TokenBatch> batches);

}  // namespace polysem
