#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "polysem/executor.hpp"

namespace polysem {

/// A place in a ranking: which one, and its value.
struct Ranked {
  std::int64_t index = 0;
  float value = 0.0f;
};

/// For each of `latents` the `count` others whose decoder rows have the largest cosine with its own, largest
/// first (ties: lower index). `decoder` [n, dim] row-major, need not be normalised; a row of zeros has cosine
/// 0 with everything. Products run on the executor's backend. Throws Error{kInvalidArgument} if a latent is
/// out of range or sizes disagree.
std::vector<std::vector<Ranked>> nearest_latents(Executor& executor, std::span<const float> decoder,
                                                 std::int64_t dim, std::span<const std::int64_t> latents,
                                                 std::int64_t count);

/// Tokens that a direction makes more and less likely.
struct LogitEffects {
  std::vector<Ranked> promoted;    ///< largest first; index = token id
  std::vector<Ranked> suppressed;  ///< smallest first
  double spread = 0.0;             ///< standard deviation over the vocabulary
};

/// Direct effect of latents on the logits: unembedding x (decoder row * norm weight), less its mean over the
/// vocabulary, which softmax does not see. The final norm's division by the length of the activation is left
/// out, so values compare within a latent; to first order in one unit of activation (logit lens;
/// nostalgebraist 2020). Meaningful for sites that are written to the residual stream.
/// `decoder` [n, dim], `norm_weight` [dim] or empty, `unembedding` [vocabulary, dim], row-major. Ties: lower
/// token id. Throws Error{kInvalidArgument} if a latent is out of range or sizes disagree.
std::vector<LogitEffects> logit_effects(Executor& executor, std::span<const float> decoder,
                                        std::span<const float> norm_weight,
                                        std::span<const float> unembedding, std::int64_t dim,
                                        std::span<const std::int64_t> latents, std::int64_t count);

}  // namespace polysem
