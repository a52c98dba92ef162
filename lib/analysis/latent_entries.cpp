#include "polysem/latent_entries.hpp"

#include <cmath>
#include <string>

#include "polysem/error.hpp"
#include "polysem/latent_directions.hpp"

namespace polysem {
namespace {

void check(const EntrySources& sources, std::span<const std::int64_t> latents) {
  const std::size_t expected = sources.records.size() * static_cast<std::size_t>(sources.dim);
  if (sources.dim < 1 || sources.decoder.size() != expected ||
      (!sources.encoder.empty() && sources.encoder.size() != expected)) {
    throw Error(ErrorCode::kInvalidArgument,
                "latent entries: expected " + std::to_string(sources.records.size()) + " rows of " +
                    std::to_string(sources.dim) + " numbers, found a decoder of " +
                    std::to_string(sources.decoder.size()) + " and an encoder of " +
                    std::to_string(sources.encoder.size()));
  }
  for (const std::int64_t latent : latents) {
    if (latent < 0 || static_cast<std::size_t>(latent) >= sources.records.size()) {
      throw Error(ErrorCode::kInvalidArgument, "latent entries: no latent " + std::to_string(latent) +
                                                   " among " + std::to_string(sources.records.size()));
    }
  }
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

void fill_weights(LatentEntry& entry, const EntrySources& sources) {
  const auto width = static_cast<std::size_t>(sources.dim);
  const std::size_t first = static_cast<std::size_t>(entry.latent) * width;
  const auto decoder = sources.decoder.subspan(first, width);
  entry.decoder_norm = std::sqrt(dot(decoder, decoder));
  if (sources.encoder.empty()) return;
  const auto encoder = sources.encoder.subspan(first, width);
  const double lengths = entry.decoder_norm * std::sqrt(dot(encoder, encoder));
  if (lengths > 0) entry.encoder_decoder_cosine = dot(encoder, decoder) / lengths;
}

std::vector<TokenEffect> named(const std::vector<Ranked>& ranking, const ReportNames& names) {
  std::vector<TokenEffect> effects;
  for (const Ranked& token : ranking) {
    effects.push_back({names.token(static_cast<std::int32_t>(token.index)), token.value});
  }
  return effects;
}

}  // namespace

std::vector<LatentEntry> latent_entries(Executor& executor, const EntrySources& sources,
                                        std::span<const std::int64_t> latents, LatentChoice choice) {
  check(sources, latents);
  std::vector<LatentEntry> entries;
  for (const std::int64_t latent : latents) {
    const LatentRecord& record = sources.records[static_cast<std::size_t>(latent)];
    LatentEntry entry = describe_latent(latent, record, sources.rows, sources.names);
    entry.choice = choice;
    entry.interest = latent_traits(record, sources.rows, sources.label_rows, sources.vectors).interest();
    fill_weights(entry, sources);
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) return entries;
  const auto nearest = nearest_latents(executor, sources.decoder, sources.dim, latents, sources.neighbours);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (const Ranked& other : nearest[i]) entries[i].nearest.push_back({other.index, other.value});
  }
  if (sources.unembedding.empty()) return entries;
  const auto effects = logit_effects(executor, sources.decoder, sources.norm_weight, sources.unembedding,
                                     sources.dim, latents, sources.effects);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].promoted = named(effects[i].promoted, sources.names);
    entries[i].suppressed = named(effects[i].suppressed, sources.names);
    entries[i].logit_spread = effects[i].spread;
  }
  return entries;
}

}  // namespace polysem
