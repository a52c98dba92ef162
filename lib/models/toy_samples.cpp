#include "polysem/toy_samples.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "lib/models/toy_sample_stream.hpp"
#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::int64_t samples_in(const ToyConfig& c, std::span<const float> samples) {
  const auto size = static_cast<std::int64_t>(samples.size());
  if (size == 0 || size % c.features != 0)
    throw Error(ErrorCode::kInvalidArgument, "toy samples: expected columns of " +
                                                 std::to_string(c.features) + " features, found " +
                                                 std::to_string(size) + " values");
  return size / c.features;
}

// [dims, count], in double. Rows of samples are long and mostly 0.
std::vector<double> hidden_of(const ToyConfig& c, const ToyWeights& weights, std::int64_t instance,
                              std::span<const float> samples) {
  const std::int64_t count = samples_in(c, samples);
  const float* w = weights.w.data() + instance * c.dims * c.features;
  std::vector<double> hidden(at(c.dims * count));
  for (std::int64_t f = 0; f < c.features; ++f) {
    for (std::int64_t s = 0; s < count; ++s) {
      const double x = samples[at(f * count + s)];
      if (x == 0) continue;
      for (std::int64_t k = 0; k < c.dims; ++k)
        hidden[at(k * count + s)] += double{w[k * c.features + f]} * x;
    }
  }
  if (c.relu_hidden)
    for (double& h : hidden) h = std::max(h, 0.0);
  return hidden;
}

// Of each sample.
std::vector<double> losses_of(const ToyConfig& c, const ToyWeights& weights, std::int64_t instance,
                              std::span<const float> samples) {
  const std::vector<double> hidden = hidden_of(c, weights, instance, samples);
  const std::int64_t count = samples_in(c, samples), first = instance * c.features;
  std::vector<double> losses(at(count)), z(at(count));
  for (std::int64_t f = 0; f < c.features; ++f) {
    std::fill(z.begin(), z.end(), double{weights.bias[at(first + f)]});
    for (std::int64_t k = 0; k < c.dims; ++k) {
      const double d = c.tied ? weights.w[at((instance * c.dims + k) * c.features + f)]
                              : weights.decoder[at((first + f) * c.dims + k)];
      for (std::int64_t s = 0; s < count; ++s) z[at(s)] += d * hidden[at(k * count + s)];
    }
    const double importance = c.importance[at(first + f)];
    for (std::int64_t s = 0; s < count; ++s) {
      const double x = samples[at(f * count + s)], target = c.absolute_target ? std::abs(x) : x;
      const double error = (c.relu_output ? std::max(z[at(s)], 0.0) : z[at(s)]) - target;
      losses[at(s)] += importance * error * error;
    }
  }
  return losses;
}

}  // namespace

std::vector<float> unit_samples(std::int64_t features, double density, std::int64_t count, std::uint64_t seed,
                                std::uint32_t number, RandomStream stream) {
  if (features < 1 || count < 1 || !(density > 0 && density <= 1))
    throw Error(ErrorCode::kInvalidArgument,
                "toy samples: features and count must be at least 1 and the density in (0, 1]");
  const Random activity(seed, stream, 3 * number), value(seed, stream, 3 * number + 1),
      only(seed, stream, 3 * number + 2);
  std::vector<float> x(at(features * count));
  for (std::int64_t s = 0; s < count; ++s) {
    double squares = 0;
    const auto activate = [&](std::int64_t f) {
      const float u = 1.0f - value.uniform(static_cast<std::uint64_t>(s * features + f));
      x[at(f * count + s)] = u, squares += double{u} * u;
    };
    for (std::int64_t f = 0; f < features; ++f)
      if (activity.uniform(static_cast<std::uint64_t>(s * features + f)) < density) activate(f);
    if (squares == 0)
      activate(static_cast<std::int64_t>(
          only.below(static_cast<std::uint64_t>(features), static_cast<std::uint64_t>(s))));
    const double scale = 1 / std::sqrt(squares);
    for (std::int64_t f = 0; f < features; ++f)
      x[at(f * count + s)] = static_cast<float>(x[at(f * count + s)] * scale);
  }
  return x;
}

std::vector<float> toy_samples(const ToyConfig& config, std::int64_t instance, std::int64_t count,
                               std::uint64_t seed) {
  if (count < 1) throw Error(ErrorCode::kInvalidArgument, "toy samples: the count must be at least 1");
  ToySampleStream stream(config, instance, seed);
  std::vector<float> x(at(config.features * count));
  for (std::int64_t s = 0; s < count; ++s) {
    const std::vector<double>& sample = stream.next();
    for (std::int64_t f = 0; f < config.features; ++f)
      x[at(f * count + s)] = static_cast<float>(sample[at(f)]);
  }
  return x;
}

std::vector<float> hidden_vectors(const ToyConfig& config, const ToyWeights& weights, std::int64_t instance,
                                  std::span<const float> samples) {
  const std::vector<double> hidden = hidden_of(config, weights, instance, samples);
  const std::int64_t count = samples_in(config, samples);
  std::vector<float> rows(hidden.size());
  for (std::int64_t k = 0; k < config.dims; ++k)
    for (std::int64_t s = 0; s < count; ++s)
      rows[at(s * config.dims + k)] = static_cast<float>(hidden[at(k * count + s)]);
  return rows;
}

ToyLoss loss_on_samples(const ToyConfig& config, const ToyWeights& weights, std::int64_t instance,
                        std::span<const float> samples, bool fresh) {
  const std::vector<double> losses = losses_of(config, weights, instance, samples);
  const auto n = static_cast<double>(losses.size());
  double mean = 0, squares = 0;
  for (const double loss : losses) mean += loss / n;
  for (const double loss : losses) squares += (loss - mean) * (loss - mean);
  if (!fresh) return {mean, 0, true};
  return {mean, n > 1 ? std::sqrt(squares / (n - 1) / n) : 0, false};
}

}  // namespace polysem
