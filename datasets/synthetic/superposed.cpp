#include "polysem/superposed.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

// Substreams of RandomStream::kData; noise has a stream of its own.
constexpr std::uint32_t kDirections = 0, kFiring = 1, kMagnitudes = 2;

void require(bool condition, const std::string& message) {
  if (!condition) throw Error(ErrorCode::kInvalidArgument, "superposed: " + message);
}

void check(const SuperposedConfig& c) {
  constexpr std::int64_t kLimit = std::numeric_limits<std::int32_t>::max();
  require(c.features > 0 && c.features <= kLimit, "features must be positive and fit 31 bits");
  require(c.dim > 0 && c.dim <= kLimit / c.features, "dim must be positive and features x dim fit 31 bits");
  require(std::isfinite(c.active) && c.active > 0, "active must be positive");
  require(std::isfinite(c.zipf) && c.zipf >= 0, "zipf must not be negative");
  require(std::isfinite(c.largest) && 0 <= c.smallest && c.smallest <= c.largest,
          "magnitudes need 0 <= smallest <= largest");
  require(std::isfinite(c.noise) && c.noise >= 0, "noise must not be negative");
}

std::vector<float> random_directions(const SuperposedConfig& c) {
  const Random random(c.seed, RandomStream::kData, kDirections);
  const auto dim = static_cast<std::size_t>(c.dim);
  std::vector<float> directions(static_cast<std::size_t>(c.features) * dim);
  for (std::size_t first = 0; first < directions.size(); first += dim) {
    double squares = 0;
    for (std::size_t i = first; i < first + dim; ++i) {
      directions[i] = random.normal(i);
      squares += static_cast<double>(directions[i]) * directions[i];
    }
    const double scale = 1 / std::sqrt(squares);
    for (std::size_t i = first; i < first + dim; ++i)
      directions[i] = static_cast<float>(directions[i] * scale);
  }
  return directions;
}

std::vector<double> firing_probabilities(const SuperposedConfig& c) {
  std::vector<double> probabilities(static_cast<std::size_t>(c.features));
  double sum = 0;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    probabilities[i] = std::pow(static_cast<double>(i + 1), -c.zipf);
    sum += probabilities[i];
  }
  for (double& p : probabilities) p *= c.active / sum;
  require(probabilities.front() <= 1, "the most frequent feature would fire with probability " +
                                          std::to_string(probabilities.front()) +
                                          "; lower active or zipf, or have more features");
  return probabilities;
}

}  // namespace

Superposed::Superposed(const SuperposedConfig& config) : config_(config) {
  check(config_);
  probabilities_ = firing_probabilities(config_);
  dictionary_ = random_directions(config_);
  for (const double p : probabilities_) {
    thresholds_.push_back(static_cast<std::uint64_t>(std::llround(std::ldexp(p, 32))));
  }
}

void Superposed::append_codes(std::int64_t row, TrueCodes& codes) const {
  const Random firing(config_.seed, RandomStream::kData, kFiring);
  const Random magnitudes(config_.seed, RandomStream::kData, kMagnitudes);
  const std::uint64_t first = static_cast<std::uint64_t>(row) * thresholds_.size();
  for (std::size_t feature = 0; feature < thresholds_.size(); ++feature) {
    if (firing.bits(first + feature) >= thresholds_[feature]) continue;
    const float share = magnitudes.uniform(first + feature);
    codes.latents.push_back(static_cast<std::int32_t>(feature));
    codes.values.push_back(config_.smallest + share * (config_.largest - config_.smallest));
  }
  codes.row_offsets.push_back(static_cast<std::int64_t>(codes.latents.size()));
}

void Superposed::row(std::int64_t row, std::span<float> x, TrueCodes& codes) const {
  require(row >= 0 && std::ssize(x) == config_.dim, "row needs a row number and room for dim values");
  const std::size_t begin = codes.latents.size();
  append_codes(row, codes);
  const Random noise(config_.seed, RandomStream::kNoise);
  const std::uint64_t first = static_cast<std::uint64_t>(row) * x.size();
  for (std::size_t d = 0; d < x.size(); ++d) {
    double sum = config_.noise > 0 ? static_cast<double>(config_.noise) * noise.normal(first + d) : 0.0;
    for (std::size_t i = begin; i < codes.latents.size(); ++i) {
      sum += static_cast<double>(codes.values[i]) *
             dictionary_[static_cast<std::size_t>(codes.latents[i]) * x.size() + d];
    }
    x[d] = static_cast<float>(sum);
  }
}

}  // namespace polysem
