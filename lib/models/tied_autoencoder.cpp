#include "polysem/tied_autoencoder.hpp"

#include <cmath>
#include <string>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {

namespace {

std::int64_t strongest(std::span<const float> row) {
  std::size_t best = 0;
  for (std::size_t k = 1; k < row.size(); ++k)
    if (std::abs(row[k]) > std::abs(row[best])) best = k;
  return static_cast<std::int64_t>(best);
}

}  // namespace

void validate(const TiedConfig& config) {
  const auto refuse = [](const std::string& what, std::int64_t found) {
    throw Error(ErrorCode::kInvalidArgument, what + ", found " + std::to_string(found));
  };
  constexpr std::int64_t kMost = 1 << 20;
  if (config.features < 1 || config.features > kMost)
    refuse("features must be between 1 and 1,048,576", config.features);
  if (config.neurons < 1 || config.neurons > kMost)
    refuse("neurons must be between 1 and 1,048,576", config.neurons);
  if (config.instances < 1 || config.instances > kMost)
    refuse("instances must be between 1 and 1,048,576", config.instances);
  if (!std::isfinite(config.negative_slope))
    throw Error(ErrorCode::kInvalidArgument, "the slope of the output must be a number");
}

std::vector<float> init_tied(const TiedConfig& config, TiedInit init, std::uint64_t seed) {
  validate(config);
  const double variance = init == TiedInit::kXavier
                              ? 2.0 / static_cast<double>(config.features + config.neurons)
                              : 1.0 / static_cast<double>(config.neurons);
  const auto scale = static_cast<float>(std::sqrt(variance));
  const std::size_t each = config.weights_per_instance();
  std::vector<float> w(each * static_cast<std::size_t>(config.instances));
  for (std::int64_t i = 0; i < config.instances; ++i) {
    const Random random(seed, RandomStream::kInitialisation, static_cast<std::uint32_t>(i));
    float* of_instance = w.data() + static_cast<std::size_t>(i) * each;
    for (std::size_t k = 0; k < each; ++k) {
      const float value = scale * random.normal(k);
      of_instance[k] = init == TiedInit::kNonNegative ? std::abs(value) : value;
    }
  }
  return w;
}

TiedCounts count_strong(std::span<const float> w, std::int64_t features, std::int64_t neurons,
                        std::span<const float> start) {
  TiedCounts counts;
  const auto m = static_cast<std::size_t>(neurons);
  std::vector<int> positive(m), negative(m);
  for (std::int64_t i = 0; i < features; ++i) {
    const auto row = w.subspan(static_cast<std::size_t>(i) * m, m);
    for (std::size_t k = 0; k < m; ++k) {
      if (std::abs(row[k]) < 0.8f || std::abs(row[k]) > 1.2f) continue;
      ++counts.strong;
      ++(row[k] > 0 ? positive : negative)[k];
    }
    if (!start.empty() && strongest(row) == strongest(start.subspan(static_cast<std::size_t>(i) * m, m)))
      ++counts.kept_winner;
  }
  for (std::size_t k = 0; k < m; ++k) {
    if (positive[k] + negative[k] >= 2) ++counts.polysemantic;
    if (positive[k] >= 2 || negative[k] >= 2) ++counts.same_sign;
  }
  return counts;
}

double mean_fourth_power(std::span<const float> w, std::int64_t features, std::int64_t neurons) {
  double total = 0;
  for (const float value : w.first(static_cast<std::size_t>(features * neurons))) {
    const double square = double{value} * value;
    total += square * square;
  }
  return total / static_cast<double>(features);
}

double expected_collisions(std::int64_t features, std::int64_t neurons) {
  const auto n = static_cast<double>(features), m = static_cast<double>(neurons);
  // m (1 - 2 a + b) cancels where m is large: by expm1 and log1p.
  const double a = std::expm1(n * std::log1p(-1 / (2 * m)));
  const double b = neurons == 1 ? -1 : std::expm1(n * std::log1p(-1 / m));
  return m * (b - 2 * a);
}

double asymptotic_collisions(std::int64_t features, std::int64_t neurons) {
  const auto n = static_cast<double>(features);
  return n * n / (4 * static_cast<double>(neurons));
}

}  // namespace polysem
