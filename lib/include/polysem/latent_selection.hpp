#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "polysem/latent_collector.hpp"

namespace polysem {

/// Vectors of tokens (rows of a language model's embedding or unembedding), to tell related tokens from
/// unrelated ones. They are compared by the cosine of what is left after the mean of all rows is taken away.
class TokenVectors {
 public:
  /// No vectors: only equal tokens count as related.
  TokenVectors() = default;
  /// `matrix` [tokens, dim], row-major, outlives this object. Throws Error{kInvalidArgument} unless it is
  /// made of such rows.
  TokenVectors(std::span<const float> matrix, std::int64_t dim);

  bool empty() const noexcept { return matrix_.empty(); }
  std::size_t dim() const noexcept { return mean_.size(); }
  /// Adds the token's centred row, scaled to length 1, to `sum` [dim]; nothing for ids outside the matrix.
  void add_to(std::int32_t token, std::span<float> sum) const;

 private:
  std::span<const float> matrix_;
  std::vector<float> mean_;
};

/// How promising a latent is to look at, from what was collected. All between 0 and 1.
struct LatentTraits {
  double density = 0.0;  ///< share of the rows on which it fires
  /// How far its activation mass over document labels is from the spread of the rows: Kullback-Leibler
  /// divergence over its largest possible value, log(1 / share of the rarest label).
  double label_focus = 0.0;
  /// How alike the tokens are on which its strongest contexts peak: mean over pairs of contexts of the cosine
  /// of their tokens' vectors; without vectors the share of pairs that peak on the same token.
  double token_focus = 0.0;
  /// How many different tokens these are: 0 for one, 1 where no two contexts peak on the same.
  double token_breadth = 0.0;
  /// How far the peaks of its strongest contexts stand above the rest of the window: mean of
  /// 1 - (mean activation of the other tokens) / (peak).
  double peakedness = 0.0;
  /// Mean over the largest activation of its strongest contexts: near 1 where they agree.
  double steadiness = 0.0;

  /// 0.3 label focus + 0.3 token focus + 0.2 token focus x min(1, 3 breadth) + 0.1 peakedness
  /// + 0.1 steadiness: a latent for several related tokens says more than one for a single token.
  double interest() const noexcept;
};

/// Traits of one latent out of `rows` rows; all 0 for one that never fired.
LatentTraits latent_traits(const LatentRecord& record, std::int64_t rows,
                           std::span<const std::int64_t> label_rows, const TokenVectors& vectors = {});

/// Which latents to choose.
struct SelectionRule {
  std::int64_t count = 0;
  double density_low = 0.0;        ///< candidates fire on at least this share of the rows,
  double density_high = 0.05;      ///< at most this (dense latents rarely have one meaning),
  std::uint64_t min_firings = 20;  ///< and at least this often
  std::int64_t same_token = 2;     ///< at most this many chosen whose contexts mostly peak on one token
  double max_cosine = 0.7;         ///< none whose decoder is closer than this to a chosen one
  double topic_weight = 0.6;       ///< how much likeness of tokens counts beside likeness of decoders
};

/// The most interesting latents, best first. Greedy maximal marginal relevance (Carbonell & Goldstein, SIGIR
/// 1998): each step takes the candidate with the largest interest() x (1 - largest likeness to a chosen one),
/// ties to the lower index, among those that the rule lets pass. Likeness is the cosine of decoder rows or,
/// where larger, topic_weight times the cosine of the mean vectors of the tokens that contexts peak on. May
/// return fewer than `count`. `decoder` [latents, dim], row-major. Throws Error{kInvalidArgument} if sizes
/// disagree.
std::vector<std::int64_t> choose_latents(std::span<const LatentRecord> records, std::int64_t rows,
                                         std::span<const std::int64_t> label_rows,
                                         std::span<const float> decoder, const SelectionRule& rule,
                                         const TokenVectors& vectors = {});

/// `count` latents that fired, drawn evenly without those in `except`, in ascending order; all there are if
/// fewer. The draw depends on the seed and on which latents fired.
std::vector<std::int64_t> random_live_latents(std::span<const LatentRecord> records,
                                              std::span<const std::int64_t> except, std::int64_t count,
                                              std::uint64_t seed);

}  // namespace polysem
