#include "polysem/latent_selection.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

/// Fixed order of additions in eight lanes: the same bits everywhere, and the compiler can vectorise it.
float dot(const float* a, const float* b, std::size_t n) noexcept {
  std::array<float, 8> lanes{};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) lanes[j] += a[i + j] * b[i + j];
  }
  for (; i < n; ++i) lanes[0] += a[i] * b[i];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/// Vectors of one length, scaled to length 1 (those of zeros stay).
class Directions {
 public:
  Directions(std::size_t count, std::size_t dim) : dim_(dim), values_(count * dim) {}

  std::span<float> row(std::size_t i) { return std::span(values_).subspan(i * dim_, dim_); }
  void normalise() {
    for (std::size_t i = 0; dim_ > 0 && i < values_.size(); i += dim_) {
      const float length = std::sqrt(dot(values_.data() + i, values_.data() + i, dim_));
      for (std::size_t j = i; length > 0 && j < i + dim_; ++j) values_[j] /= length;
    }
  }
  double cosine(std::size_t i, std::size_t j) const {
    return static_cast<double>(dot(values_.data() + i * dim_, values_.data() + j * dim_, dim_));
  }

 private:
  std::size_t dim_;
  std::vector<float> values_;
};

/// The token on which at least half of the strongest contexts peak, or kUnknownToken.
std::int32_t dominant_token(const LatentRecord& record) {
  std::map<std::int32_t, std::size_t> counts;
  for (const LatentFiring& firing : record.top) ++counts[firing.tokens[firing.peak].token];
  for (const auto& [token, count] : counts) {
    if (2 * count >= record.top.size()) return token;
  }
  return ContextToken::kUnknownToken;
}

struct Candidate {
  std::int64_t latent = 0;
  double interest = 0.0;
  std::int32_t token = ContextToken::kUnknownToken;
  double decoder_likeness = 0.0;  ///< largest cosine to a chosen one
  double likeness = 0.0;          ///< the same, or that of the tokens
  bool open = true;
};

std::vector<Candidate> find_candidates(std::span<const LatentRecord> records, std::int64_t rows,
                                       std::span<const std::int64_t> label_rows, const SelectionRule& rule,
                                       const TokenVectors& vectors) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].firings < std::max<std::uint64_t>(rule.min_firings, 1)) continue;
    const LatentTraits traits = latent_traits(records[i], rows, label_rows, vectors);
    if (traits.density < rule.density_low || traits.density > rule.density_high) continue;
    Candidate candidate;
    candidate.latent = static_cast<std::int64_t>(i);
    candidate.interest = traits.interest();
    candidate.token = dominant_token(records[i]);
    candidates.push_back(candidate);
  }
  return candidates;
}

Directions decoder_directions(const std::vector<Candidate>& candidates, std::span<const float> decoder,
                              std::size_t dim) {
  Directions directions(candidates.size(), dim);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto row = decoder.subspan(static_cast<std::size_t>(candidates[i].latent) * dim, dim);
    std::copy(row.begin(), row.end(), directions.row(i).begin());
  }
  directions.normalise();
  return directions;
}

/// Sums of the vectors of the tokens that contexts peak on.
Directions topic_directions(const std::vector<Candidate>& candidates, std::span<const LatentRecord> records,
                            const TokenVectors& vectors) {
  Directions directions(candidates.size(), vectors.dim());
  for (std::size_t i = 0; i < candidates.size() && !vectors.empty(); ++i) {
    for (const LatentFiring& firing : records[static_cast<std::size_t>(candidates[i].latent)].top) {
      vectors.add_to(firing.tokens[firing.peak].token, directions.row(i));
    }
  }
  directions.normalise();
  return directions;
}

std::size_t best_of(const std::vector<Candidate>& candidates) {
  std::size_t best = candidates.size();
  double score = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const double value = candidates[i].interest * (1.0 - candidates[i].likeness);
    if (candidates[i].open && value > score) best = i, score = value;
  }
  return best;
}

}  // namespace

std::vector<std::int64_t> choose_latents(std::span<const LatentRecord> records, std::int64_t rows,
                                         std::span<const std::int64_t> label_rows,
                                         std::span<const float> decoder, const SelectionRule& rule,
                                         const TokenVectors& vectors) {
  if (records.empty() || decoder.size() % records.size() != 0) {
    throw Error(ErrorCode::kInvalidArgument, "choose latents: a decoder of " +
                                                 std::to_string(decoder.size()) + " numbers does not fit " +
                                                 std::to_string(records.size()) + " latents");
  }
  std::vector<Candidate> candidates = find_candidates(records, rows, label_rows, rule, vectors);
  const Directions decoders = decoder_directions(candidates, decoder, decoder.size() / records.size());
  const Directions topics = topic_directions(candidates, records, vectors);
  std::map<std::int32_t, std::int64_t> token_uses;
  std::vector<std::int64_t> chosen;
  while (static_cast<std::int64_t>(chosen.size()) < rule.count) {
    const std::size_t best = best_of(candidates);
    if (best == candidates.size()) break;
    candidates[best].open = false;
    const std::int32_t token = candidates[best].token;
    if (candidates[best].decoder_likeness > rule.max_cosine) continue;
    if (token != ContextToken::kUnknownToken && token_uses[token]++ >= rule.same_token) continue;
    chosen.push_back(candidates[best].latent);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      Candidate& other = candidates[i];
      if (!other.open) continue;
      other.decoder_likeness = std::max(other.decoder_likeness, decoders.cosine(i, best));
      const double topic = rule.topic_weight * topics.cosine(i, best);
      other.likeness = std::max({other.likeness, other.decoder_likeness, topic});
    }
  }
  return chosen;
}

std::vector<std::int64_t> random_live_latents(std::span<const LatentRecord> records,
                                              std::span<const std::int64_t> except, std::int64_t count,
                                              std::uint64_t seed) {
  const Random random(seed, RandomStream::kSampling, 1);
  std::vector<std::pair<std::uint64_t, std::int64_t>> drawn;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto latent = static_cast<std::int64_t>(i);
    if (records[i].firings == 0) continue;
    if (std::find(except.begin(), except.end(), latent) != except.end()) continue;
    drawn.emplace_back(random.bits64(i), latent);
  }
  std::sort(drawn.begin(), drawn.end());
  drawn.resize(std::min(drawn.size(), static_cast<std::size_t>(std::max(count, std::int64_t{0}))));
  std::vector<std::int64_t> latents;
  for (const auto& [key, latent] : drawn) latents.push_back(latent);
  std::sort(latents.begin(), latents.end());
  return latents;
}

}  // namespace polysem
