#include "polysem/factor_world.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "polysem/error.hpp"

namespace polysem {

namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "colours and shapes: " + what);
}

void check_coverage(const FactorWorld& world) {
  std::vector<bool> colours(static_cast<std::size_t>(world.colours)),
      shapes(static_cast<std::size_t>(world.shapes));
  for (std::size_t i = 0; i < world.combinations(); ++i) {
    if (world.held_out[i]) continue;
    colours[static_cast<std::size_t>(world.colour(i))] = true;
    shapes[static_cast<std::size_t>(world.shape(i))] = true;
  }
  if (std::find(colours.begin(), colours.end(), false) != colours.end() ||
      std::find(shapes.begin(), shapes.end(), false) != shapes.end())
    refuse("so many combinations are held out that a colour or a shape is never seen in training");
}

/// Sums of rows by colour, by shape, and of all.
struct Sums {
  std::vector<double> colour, shape, all;
};

Sums sums_of(const FactorWorld& world, const std::vector<double>& values, std::size_t width) {
  Sums sums{std::vector<double>(static_cast<std::size_t>(world.colours) * width),
            std::vector<double>(static_cast<std::size_t>(world.shapes) * width), std::vector<double>(width)};
  for (std::size_t i = 0; i < world.combinations(); ++i) {
    const auto c = static_cast<std::size_t>(world.colour(i)), s = static_cast<std::size_t>(world.shape(i));
    for (std::size_t k = 0; k < width; ++k) {
      const double value = values[i * width + k];
      sums.colour[c * width + k] += value, sums.shape[s * width + k] += value, sums.all[k] += value;
    }
  }
  return sums;
}

std::vector<double> training_mean(const FactorWorld& world, const std::vector<double>& values,
                                  std::size_t width) {
  std::vector<double> mean(width);
  double count = 0;
  for (std::size_t i = 0; i < world.combinations(); ++i) {
    if (world.held_out[i]) continue;
    ++count;
    for (std::size_t k = 0; k < width; ++k) mean[k] += values[i * width + k];
  }
  for (double& value : mean) value /= count;
  return mean;
}

}  // namespace

FactorWorld make_factor_world(std::int64_t colours, std::int64_t shapes,
                              const std::vector<std::int64_t>& offsets) {
  if (colours < 2 || colours > 1000 || shapes < 2 || shapes > 1000)
    refuse("there must be 2 to 1000 of each, found " + std::to_string(colours) + " and " +
           std::to_string(shapes));
  FactorWorld world{colours, shapes, std::vector<bool>(static_cast<std::size_t>(colours * shapes))};
  for (const std::int64_t offset : offsets) {
    if (offset < 0 || offset >= std::min(colours, shapes))
      refuse("the diagonal held out, " + std::to_string(offset) + ", must be from 0 to " +
             std::to_string(std::min(colours, shapes) - 1));
    for (std::int64_t i = 0; i < std::max(colours, shapes); ++i)
      world.held_out[static_cast<std::size_t>(i % colours * shapes + (i + offset) % shapes)] = true;
  }
  check_coverage(world);
  return world;
}

double interaction_share(const FactorWorld& world, const std::vector<double>& values, std::int64_t columns) {
  const auto width = static_cast<std::size_t>(columns);
  const Sums sums = sums_of(world, values, width);
  const auto colours = static_cast<double>(world.colours), shapes = static_cast<double>(world.shapes);
  double total = 0, interaction = 0;
  for (std::size_t i = 0; i < world.combinations(); ++i) {
    const auto c = static_cast<std::size_t>(world.colour(i)), s = static_cast<std::size_t>(world.shape(i));
    for (std::size_t k = 0; k < width; ++k) {
      const double mean = sums.all[k] / (colours * shapes), value = values[i * width + k];
      const double rest =
          value - sums.colour[c * width + k] / shapes - sums.shape[s * width + k] / colours + mean;
      total += (value - mean) * (value - mean), interaction += rest * rest;
    }
  }
  return total > 0 ? interaction / total : std::nan("");
}

double factor_r2(const FactorWorld& world, const std::vector<double>& predicted,
                 const std::vector<double>& wanted, std::int64_t columns, bool held_out) {
  const auto width = static_cast<std::size_t>(columns);
  const std::vector<double> mean = training_mean(world, wanted, width);
  double error = 0, variance = 0;
  for (std::size_t i = 0; i < world.combinations(); ++i) {
    if (world.held_out[i] != held_out) continue;
    for (std::size_t k = 0; k < width; ++k) {
      const double value = wanted[i * width + k];
      error += (value - predicted[i * width + k]) * (value - predicted[i * width + k]);
      variance += (value - mean[k]) * (value - mean[k]);
    }
  }
  return variance > 0 ? 1 - error / variance : std::nan("");
}

std::vector<double> additive_fit(const FactorWorld& world, const std::vector<double>& wanted,
                                 std::int64_t columns) {
  const auto width = static_cast<std::size_t>(columns);
  const auto colours = static_cast<std::size_t>(world.colours),
             shapes = static_cast<std::size_t>(world.shapes);
  std::vector<double> of_colour(colours * width), of_shape(shapes * width);
  // Each term in turn is the mean of what the other leaves: Gauss and Seidel on the normal equations.
  const auto fit = [&](std::vector<double>& own, const std::vector<double>& other, bool by_colour) {
    std::vector<double> sums(own.size()), counts(own.size() / width);
    for (std::size_t i = 0; i < world.combinations(); ++i) {
      if (world.held_out[i]) continue;
      const auto c = static_cast<std::size_t>(world.colour(i)), s = static_cast<std::size_t>(world.shape(i));
      const std::size_t mine = by_colour ? c : s, theirs = by_colour ? s : c;
      ++counts[mine];
      for (std::size_t k = 0; k < width; ++k)
        sums[mine * width + k] += wanted[i * width + k] - other[theirs * width + k];
    }
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = sums[i] / counts[i / width];
  };
  for (int round = 0; round < 300; ++round) fit(of_colour, of_shape, true), fit(of_shape, of_colour, false);
  std::vector<double> predicted(wanted.size());
  for (std::size_t i = 0; i < world.combinations(); ++i) {
    const auto c = static_cast<std::size_t>(world.colour(i)), s = static_cast<std::size_t>(world.shape(i));
    for (std::size_t k = 0; k < width; ++k)
      predicted[i * width + k] = of_colour[c * width + k] + of_shape[s * width + k];
  }
  return predicted;
}

}  // namespace polysem
