#pragma once

#include <vector>

#include "polysem/random.hpp"
#include "polysem/toy_model.hpp"

namespace polysem {

/// Samples of one instance's distribution, one after the other; streams are not those of training.
class ToySampleStream {
 public:
  ToySampleStream(const ToyConfig& config, std::int64_t instance, std::uint64_t seed)
      : c_(config),
        density_(config.density.data() + instance * config.features),
        value_(seed, RandomStream::kSampling, 0),
        decision_(seed, RandomStream::kSampling, 1),
        x_(static_cast<std::size_t>(config.features)) {}

  /// The next sample's features, until next() is called again.
  const std::vector<double>& next() {
    for (std::int64_t f = 0; f < c_.features; ++f) {
      const std::int64_t member = f % c_.set_size;
      const std::uint64_t at = first_ + static_cast<std::uint64_t>(f - member);
      const double d = decision_.uniform(at), p = density_[f - member];
      bool active = d < p;
      if (c_.sets == FeatureFill::Sets::kOneOf)
        active = active && static_cast<std::int64_t>(d / p * static_cast<double>(c_.set_size)) == member;
      const double u = value_.uniform(first_ + static_cast<std::uint64_t>(f));
      x_[static_cast<std::size_t>(f)] = !active ? 0 : c_.symmetric ? 2 * u - 1 : u;
    }
    first_ += static_cast<std::uint64_t>(c_.features);
    return x_;
  }

 private:
  const ToyConfig& c_;
  const float* density_;
  Random value_, decision_;
  std::vector<double> x_;
  std::uint64_t first_ = 0;
};

}  // namespace polysem
