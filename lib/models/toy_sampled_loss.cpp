#include <algorithm>
#include <cmath>

#include "lib/models/toy_sample_stream.hpp"
#include "polysem/error.hpp"
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
        importance_(c.importance.data() + instance * c.features),
        stream_(c, instance, seed),
        hidden_(size(c.dims)) {}

  double next() {
    const std::vector<double>& x = stream_.next();
    encode(x);
    double loss = 0;
    for (std::int64_t f = 0; f < c_.features; ++f) {
      double z = bias_[f];
      for (std::int64_t k = 0; k < c_.dims; ++k)
        z += double{decoder_ != nullptr ? decoder_[f * c_.dims + k] : w_[k * c_.features + f]} *
             hidden_[size(k)];
      const double y = c_.relu_output ? std::max(z, 0.0) : z;
      const double target = c_.absolute_target ? std::abs(x[size(f)]) : x[size(f)];
      loss += importance_[f] * (y - target) * (y - target);
    }
    return loss;
  }

 private:
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

  // Only active features have a part.
  void encode(const std::vector<double>& x) {
    std::fill(hidden_.begin(), hidden_.end(), 0.0);
    for (std::int64_t f = 0; f < c_.features; ++f) {
      if (x[size(f)] == 0) continue;
      for (std::int64_t k = 0; k < c_.dims; ++k)
        hidden_[size(k)] += double{w_[k * c_.features + f]} * x[size(f)];
    }
    if (c_.relu_hidden)
      for (double& h : hidden_) h = std::max(h, 0.0);
  }

  const ToyConfig& c_;
  const float *w_, *decoder_, *bias_, *importance_;
  ToySampleStream stream_;
  std::vector<double> hidden_;
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
