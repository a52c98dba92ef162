#include <algorithm>
#include <cmath>

#include "polysem/error.hpp"
#include "polysem/random.hpp"
#include "polysem/toy_loss.hpp"

namespace polysem {

namespace {

// Samples of one instance, one after the other; streams are not those of training.
class Sampler {
 public:
  Sampler(const ToyConfig& c, const ToyWeights& weights, std::int64_t instance, std::uint64_t seed)
      : c_(c),
        w_(weights.w.data() + instance * c.dims * c.features),
        decoder_(c.tied ? nullptr : weights.decoder.data() + instance * c.dims * c.features),
        bias_(weights.bias.data() + instance * c.features),
        density_(c.density.data() + instance * c.features),
        importance_(c.importance.data() + instance * c.features),
        value_(seed, RandomStream::kSampling, 0),
        decision_(seed, RandomStream::kSampling, 1),
        x_(size(c.features)),
        hidden_(size(c.dims)) {}

  double next() {
    draw();
    encode();
    double loss = 0;
    for (std::int64_t f = 0; f < c_.features; ++f) {
      double z = bias_[f];
      for (std::int64_t k = 0; k < c_.dims; ++k)
        z += double{decoder_ != nullptr ? decoder_[f * c_.dims + k] : w_[k * c_.features + f]} *
             hidden_[size(k)];
      const double y = c_.relu_output ? std::max(z, 0.0) : z;
      const double target = c_.absolute_target ? std::abs(x_[size(f)]) : x_[size(f)];
      loss += importance_[f] * (y - target) * (y - target);
    }
    return loss;
  }

 private:
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

  void draw() {
    for (std::int64_t f = 0; f < c_.features; ++f) {
      const std::int64_t member = f % c_.set_size;
      const std::uint64_t at = first_ + static_cast<std::uint64_t>(f - member);
      const double d = decision_.uniform(at), p = density_[f - member];
      bool active = d < p;
      if (c_.sets == FeatureFill::Sets::kOneOf)
        active = active && static_cast<std::int64_t>(d / p * static_cast<double>(c_.set_size)) == member;
      const double u = value_.uniform(first_ + static_cast<std::uint64_t>(f));
      x_[size(f)] = !active ? 0 : c_.symmetric ? 2 * u - 1 : u;
    }
    first_ += static_cast<std::uint64_t>(c_.features);
  }

  // Only active features have a part.
  void encode() {
    std::fill(hidden_.begin(), hidden_.end(), 0.0);
    for (std::int64_t f = 0; f < c_.features; ++f) {
      if (x_[size(f)] == 0) continue;
      for (std::int64_t k = 0; k < c_.dims; ++k)
        hidden_[size(k)] += double{w_[k * c_.features + f]} * x_[size(f)];
    }
    if (c_.relu_hidden)
      for (double& h : hidden_) h = std::max(h, 0.0);
  }

  const ToyConfig& c_;
  const float *w_, *decoder_, *bias_, *density_, *importance_;
  Random value_, decision_;
  std::vector<double> x_, hidden_;
  std::uint64_t first_ = 0;
};

bool plain(const ToyConfig& c) {
  return c.tied && !c.relu_hidden && !c.symmetric && !c.absolute_target &&
         (c.sets == FeatureFill::Sets::kIndependent || c.set_size == 1);
}

}  // namespace

ToyLoss sampled_toy_loss(const ToyConfig& config, const ToyWeights& weights, std::int64_t instance,
                         std::int64_t samples, std::uint64_t seed) {
  if (samples < 2) throw Error(ErrorCode::kInvalidArgument, "a sampled loss needs at least 2 samples");
  Sampler sampler(config, weights, instance, seed);
  double mean = 0, squares = 0;  // Welford's recurrence
  for (std::int64_t s = 1; s <= samples; ++s) {
    const double value = sampler.next(), off = value - mean;
    mean += off / static_cast<double>(s);
    squares += off * (value - mean);
  }
  const auto n = static_cast<double>(samples);
  return {mean, std::sqrt(squares / (n - 1) / n), false};
}

ToyLoss toy_loss(const ToyConfig& config, const ToyWeights& weights, std::int64_t instance,
                 std::int64_t samples, std::uint64_t seed, std::int64_t most_exact) {
  if (plain(config) && !config.relu_output)
    return {exact_linear_loss(toy_instance(config, weights, instance)), 0, true};
  if (plain(config) && config.features <= std::min(most_exact, kMostExactFeatures))
    return {exact_relu_loss(toy_instance(config, weights, instance)), 0, true};
  return sampled_toy_loss(config, weights, instance, samples, seed);
}

}  // namespace polysem
