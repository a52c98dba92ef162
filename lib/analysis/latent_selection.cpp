#include "polysem/latent_selection.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

std::map<std::int32_t, std::size_t> peak_tokens(const LatentRecord& record) {
  std::map<std::int32_t, std::size_t> counts;
  for (const LatentFiring& firing : record.top) ++counts[firing.tokens[firing.peak].token];
  return counts;
}

double token_focus(const LatentRecord& record) {
  if (record.top.size() < 2) return 0.0;
  const auto total = static_cast<double>(record.top.size());
  double entropy = 0.0;
  for (const auto& [token, count] : peak_tokens(record)) {
    const double share = static_cast<double>(count) / total;
    entropy -= share * std::log(share);
  }
  return 1.0 - entropy / std::log(total);
}

double label_focus(const LatentRecord& record, std::span<const std::int64_t> label_rows) {
  const auto rows =
      static_cast<double>(std::accumulate(label_rows.begin(), label_rows.end(), std::int64_t{0}));
  const double mass = std::accumulate(record.label_mass.begin(), record.label_mass.end(), 0.0);
  if (!(mass > 0) || record.label_mass.size() != label_rows.size()) return 0.0;
  double divergence = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < label_rows.size(); ++i) {
    if (label_rows[i] == 0) continue;
    const double base = static_cast<double>(label_rows[i]) / rows;
    const double share = record.label_mass[i] / mass;
    if (share > 0) divergence += share * std::log(share / base);
    largest = std::max(largest, -std::log(base));
  }
  return largest > 0 ? std::clamp(divergence / largest, 0.0, 1.0) : 0.0;
}

double peakedness(const LatentRecord& record) {
  double sum = 0.0;
  for (const LatentFiring& firing : record.top) {
    double others = 0.0;
    for (const ContextToken& token : firing.tokens) others += std::abs(token.activation);
    const double peak = std::abs(firing.value);
    others = firing.tokens.size() > 1 ? (others - peak) / static_cast<double>(firing.tokens.size() - 1) : 0.0;
    sum += std::clamp(1.0 - others / peak, 0.0, 1.0);
  }
  return record.top.empty() ? 0.0 : sum / static_cast<double>(record.top.size());
}

double steadiness(const LatentRecord& record) {
  double sum = 0.0;
  for (const LatentFiring& firing : record.top) sum += std::abs(firing.value);
  return record.top.empty() ? 0.0 : sum / static_cast<double>(record.top.size()) / record.max;
}

/// The token on which at least half of the strongest contexts peak, or -1.
std::int32_t dominant_token(const LatentRecord& record) {
  for (const auto& [token, count] : peak_tokens(record)) {
    if (2 * count >= record.top.size()) return token;
  }
  return ContextToken::kUnknownToken;
}

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

struct Candidate {
  std::int64_t latent = 0;
  double interest = 0.0;
  std::int32_t token = ContextToken::kUnknownToken;
  float nearest = 0.0f;  ///< largest cosine to a chosen one
  bool open = true;
};

std::vector<Candidate> find_candidates(std::span<const LatentRecord> records, std::int64_t rows,
                                       std::span<const std::int64_t> label_rows, const SelectionRule& rule) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].firings < std::max<std::uint64_t>(rule.min_firings, 1)) continue;
    const LatentTraits traits = latent_traits(records[i], rows, label_rows);
    if (traits.density < rule.density_low || traits.density > rule.density_high) continue;
    candidates.push_back({static_cast<std::int64_t>(i), traits.interest(), dominant_token(records[i])});
  }
  return candidates;
}

/// Decoder rows of the candidates, scaled to length 1 (rows of zeros stay).
std::vector<float> directions_of(const std::vector<Candidate>& candidates, std::span<const float> decoder,
                                 std::size_t dim) {
  std::vector<float> directions(candidates.size() * dim);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const float* row = decoder.data() + static_cast<std::size_t>(candidates[i].latent) * dim;
    const float norm = std::sqrt(dot(row, row, dim));
    for (std::size_t j = 0; j < dim; ++j) directions[i * dim + j] = norm > 0 ? row[j] / norm : 0.0f;
  }
  return directions;
}

std::size_t best_of(const std::vector<Candidate>& candidates) {
  std::size_t best = candidates.size();
  double score = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& c = candidates[i];
    const double value = c.interest * (1.0 - static_cast<double>(c.nearest));
    if (c.open && value > score) best = i, score = value;
  }
  return best;
}

}  // namespace

double LatentTraits::interest() const noexcept {
  return 0.35 * label_focus + 0.35 * token_focus + 0.2 * peakedness + 0.1 * steadiness;
}

LatentTraits latent_traits(const LatentRecord& record, std::int64_t rows,
                           std::span<const std::int64_t> label_rows) {
  LatentTraits traits;
  if (record.firings == 0 || rows <= 0) return traits;
  traits.density = static_cast<double>(record.firings) / static_cast<double>(rows);
  traits.label_focus = label_focus(record, label_rows);
  traits.token_focus = token_focus(record);
  traits.peakedness = peakedness(record);
  traits.steadiness = steadiness(record);
  return traits;
}

std::vector<std::int64_t> choose_latents(std::span<const LatentRecord> records, std::int64_t rows,
                                         std::span<const std::int64_t> label_rows,
                                         std::span<const float> decoder, const SelectionRule& rule) {
  if (records.empty() || decoder.size() % records.size() != 0) {
    throw Error(ErrorCode::kInvalidArgument, "choose latents: a decoder of " +
                                                 std::to_string(decoder.size()) + " numbers does not fit " +
                                                 std::to_string(records.size()) + " latents");
  }
  const std::size_t dim = decoder.size() / records.size();
  std::vector<Candidate> candidates = find_candidates(records, rows, label_rows, rule);
  const std::vector<float> directions = directions_of(candidates, decoder, dim);
  std::map<std::int32_t, std::int64_t> token_uses;
  std::vector<std::int64_t> chosen;
  while (static_cast<std::int64_t>(chosen.size()) < rule.count) {
    const std::size_t best = best_of(candidates);
    if (best == candidates.size()) break;
    candidates[best].open = false;
    const std::int32_t token = candidates[best].token;
    if (static_cast<double>(candidates[best].nearest) > rule.max_cosine) continue;
    if (token != ContextToken::kUnknownToken && token_uses[token]++ >= rule.same_token) continue;
    chosen.push_back(candidates[best].latent);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!candidates[i].open) continue;
      const float cosine = dot(directions.data() + i * dim, directions.data() + best * dim, dim);
      candidates[i].nearest = std::max(candidates[i].nearest, cosine);
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
  if (static_cast<std::int64_t>(drawn.size()) > count)
    drawn.resize(static_cast<std::size_t>(std::max(count, std::int64_t{0})));
  std::vector<std::int64_t> latents;
  for (const auto& [key, latent] : drawn) latents.push_back(latent);
  std::sort(latents.begin(), latents.end());
  return latents;
}

}  // namespace polysem
