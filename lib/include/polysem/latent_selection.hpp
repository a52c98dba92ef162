#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "polysem/latent_collector.hpp"

namespace polysem {

/// How promising a latent is to look at, from what was collected. All between 0 and 1 except the density.
struct LatentTraits {
  double density = 0.0;  ///< share of the rows on which it fires
  /// How far its activation mass over document labels is from the spread of the rows: Kullback-Leibler
  /// divergence over its largest possible value, log(1 / share of the rarest label).
  double label_focus = 0.0;
  /// 1 - entropy of the peak tokens of its strongest contexts over log(number of contexts).
  double token_focus = 0.0;
  /// How far the peaks of its strongest contexts stand above the rest of the window: mean of
  /// 1 - (mean activation of the other tokens) / (peak).
  double peakedness = 0.0;
  /// Mean over the largest activation of its strongest contexts: near 1 where they agree.
  double steadiness = 0.0;

  /// 0.35 label focus + 0.35 token focus + 0.2 peakedness + 0.1 steadiness.
  double interest() const noexcept;
};

/// Traits of one latent out of `rows` rows; all 0 for one that never fired.
LatentTraits latent_traits(const LatentRecord& record, std::int64_t rows,
                           std::span<const std::int64_t> label_rows);

/// Which latents to choose.
struct SelectionRule {
  std::int64_t count = 0;
  double density_low = 0.0;        ///< candidates fire on at least this share of the rows,
  double density_high = 0.05;      ///< at most this (dense latents rarely have one meaning),
  std::uint64_t min_firings = 20;  ///< and at least this often
  std::int64_t same_token = 2;     ///< at most this many chosen whose contexts mostly peak on one token
  double max_cosine = 0.7;         ///< none whose decoder is closer than this to a chosen one
};

/// The most interesting latents, best first. Greedy maximal marginal relevance (Carbonell & Goldstein, SIGIR
/// 1998): each step takes the candidate with the largest interest() x (1 - largest decoder cosine to a chosen
/// one), ties to the lower index, among those that the rule lets pass. May return fewer than `count`.
/// `decoder` [latents, dim], row-major. Throws Error{kInvalidArgument} if sizes disagree.
std::vector<std::int64_t> choose_latents(std::span<const LatentRecord> records, std::int64_t rows,
                                         std::span<const std::int64_t> label_rows,
                                         std::span<const float> decoder, const SelectionRule& rule);

/// `count` latents that fired, drawn evenly without those in `except`, in ascending order; all there are if
/// fewer. The draw depends on the seed and on which latents fired.
std::vector<std::int64_t> random_live_latents(std::span<const LatentRecord> records,
                                              std::span<const std::int64_t> except, std::int64_t count,
                                              std::uint64_t seed);

}  // namespace polysem
