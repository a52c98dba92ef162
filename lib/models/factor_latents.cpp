#include "polysem/factor_latents.hpp"

#include <algorithm>
#include <cmath>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {

namespace {

/// Random unit vectors, each orthogonal to those before it while there is room.
std::vector<std::vector<double>> directions(std::int64_t count, std::int64_t dim, std::uint64_t seed) {
  const Random random(seed, RandomStream::kData);
  const auto d = static_cast<std::size_t>(dim);
  std::vector<std::vector<double>> list;
  std::uint64_t next = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<double> v(d);
    for (double& x : v) x = random.normal(next++);
    const auto dot = [&](const std::vector<double>& a) {
      double sum = 0;
      for (std::size_t k = 0; k < d; ++k) sum += a[k] * v[k];
      return sum;
    };
    // Twice, since the first time leaves rounding errors.
    for (int pass = 0; pass < (count <= dim ? 2 : 0); ++pass)
      for (const auto& other : list) {
        const double along = dot(other);
        for (std::size_t k = 0; k < d; ++k) v[k] -= along * other[k];
      }
    const double length = std::sqrt(dot(v));
    for (double& x : v) x /= length;
    list.push_back(std::move(v));
  }
  return list;
}

/// What one latent fires on in training.
struct Firing {
  std::int64_t count = 0;
  bool one_colour = true, one_shape = true;
};

Firing firing_of(const FactorWorld& world, const DictionaryOutput& out, std::size_t latents,
                 std::size_t latent, double largest) {
  Firing f;
  std::int64_t colour = -1, shape = -1;
  for (std::size_t i = 0; i < world.combinations(); ++i) {
    if (world.held_out[i] || out.codes[i * latents + latent] <= 0.1 * largest) continue;
    if (f.count++ == 0) colour = world.colour(i), shape = world.shape(i);
    f.one_colour = f.one_colour && world.colour(i) == colour;
    f.one_shape = f.one_shape && world.shape(i) == shape;
  }
  return f;
}

}  // namespace

std::vector<double> factor_points(const FactorWorld& world, std::int64_t dim, std::uint64_t seed) {
  if (dim < 1 || dim > 100000)
    throw Error(ErrorCode::kInvalidArgument, "dimensions of the activations must be between 1 and 100,000");
  const auto axes = directions(world.colours + world.shapes, dim, seed);
  std::vector<double> points;
  for (std::size_t i = 0; i < world.combinations(); ++i)
    for (std::size_t k = 0; k < static_cast<std::size_t>(dim); ++k)
      points.push_back(axes[static_cast<std::size_t>(world.colour(i))][k] +
                       axes[static_cast<std::size_t>(world.colours + world.shape(i))][k]);
  return points;
}

std::vector<double> training_points(const FactorWorld& world, const std::vector<double>& points,
                                    std::int64_t dim) {
  std::vector<double> seen;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (!world.held_out[i / static_cast<std::size_t>(dim)]) seen.push_back(points[i]);
  return seen;
}

FactorLatents look_at_latents(const FactorWorld& world, const SmallDictionary& dictionary,
                              const std::vector<double>& points) {
  const DictionaryOutput out = apply(dictionary, points);
  FactorLatents found;
  found.fvu_seen = 1 - factor_r2(world, out.reconstruction, points, dictionary.dim, false);
  found.fvu_held_out = 1 - factor_r2(world, out.reconstruction, points, dictionary.dim, true);
  const auto latents = static_cast<std::size_t>(dictionary.latents);
  const auto seen = static_cast<double>(std::count(world.held_out.begin(), world.held_out.end(), false));
  double single = 0, factor = 0;
  for (std::size_t j = 0; j < latents; ++j) {
    double largest = 0;
    for (std::size_t i = 0; i < world.combinations(); ++i)
      if (!world.held_out[i]) largest = std::max(largest, out.codes[i * latents + j]);
    if (largest <= 0) continue;
    ++found.live;
    const Firing f = firing_of(world, out, latents, j, largest);
    if (f.count == 1)
      ++single;
    else if (f.one_colour || f.one_shape)
      ++factor;
    found.l0 += static_cast<double>(f.count) / seen;
  }
  if (found.live > 0) found.single = single / static_cast<double>(found.live);
  if (found.live > 0) found.factor = factor / static_cast<double>(found.live);
  return found;
}

}  // namespace polysem
