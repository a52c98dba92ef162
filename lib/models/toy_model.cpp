#include "polysem/toy_model.hpp"

#include <cmath>
#include <string>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {

namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "toy model: " + what);
}

void check_list(const std::vector<float>& values, std::size_t count, const std::string& name) {
  if (values.size() != count)
    refuse(name + " must have one value for each instance and feature, " + std::to_string(count) +
           "; found " + std::to_string(values.size()));
}

std::vector<float> normals(std::size_t count, double sd, std::uint64_t seed, std::uint32_t substream) {
  const Random random(seed, RandomStream::kInitialisation, substream);
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(sd * random.normal(i));
  return values;
}

std::vector<double> part(const std::vector<float>& values, std::int64_t number, std::int64_t size) {
  const auto first = values.begin() + number * size;
  return {first, first + size};
}

}  // namespace

void validate(const ToyConfig& c) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (c.features < 1 || c.dims < 1 || c.instances < 1)
    refuse("features, dims and instances must be at least 1; found " + std::to_string(c.features) + ", " +
           std::to_string(c.dims) + ", " + std::to_string(c.instances));
  if (c.features >= kMost || c.dims >= kMost / c.features || c.instances >= kMost / (c.features * c.dims))
    refuse("instances times dims times features must be below 2^31");
  if (c.set_size < 1 || c.features % c.set_size != 0)
    refuse("the size of a set, " + std::to_string(c.set_size) + ", must divide the number of features, " +
           std::to_string(c.features));
  check_list(c.density, c.biases(), "density");
  check_list(c.importance, c.biases(), "importance");
  for (const float p : c.density)
    if (!(p > 0 && p <= 1)) refuse("density must be in (0, 1]; found " + std::to_string(p));
  for (const float i : c.importance)
    if (!(i >= 0 && std::isfinite(i)))
      refuse("importance must be finite and not negative; found " + std::to_string(i));
}

ToyWeights init_toy_weights(const ToyConfig& config, std::uint64_t seed) {
  validate(config);
  const double sd = std::sqrt(2.0 / static_cast<double>(config.features + config.dims));
  return {.w = normals(config.weights(), sd, seed, 0),
          .decoder = config.tied ? std::vector<float>() : normals(config.weights(), sd, seed, 1),
          .bias = std::vector<float>(config.biases(), 0.0f)};
}

ToyInstance toy_instance(const ToyConfig& c, const ToyWeights& weights, std::int64_t number) {
  return {.features = c.features,
          .dims = c.dims,
          .w = part(weights.w, number, c.dims * c.features),
          .bias = part(weights.bias, number, c.features),
          .density = part(c.density, number, c.features),
          .importance = part(c.importance, number, c.features)};
}

}  // namespace polysem
