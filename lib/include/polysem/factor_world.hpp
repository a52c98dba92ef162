#pragma once

#include <cstdint>
#include <vector>

namespace polysem {

/// All combinations of a colour and a shape, some of them held out of training: those on broken diagonals
/// (i mod colours, (i + offset) mod shapes), i < max(colours, shapes). Combination (c, s) has number c *
/// shapes + s.
struct FactorWorld {
  std::int64_t colours = 8, shapes = 8;
  std::vector<bool> held_out = std::vector<bool>(64);

  std::size_t combinations() const { return held_out.size(); }
  std::int64_t colour(std::size_t combination) const {
    return static_cast<std::int64_t>(combination) / shapes;
  }
  std::int64_t shape(std::size_t combination) const {
    return static_cast<std::int64_t>(combination) % shapes;
  }
};

/// Throws Error{kInvalidArgument} for sizes out of [2, 1000], an offset that is negative or not below both,
/// and where a colour or a shape would not be left in training.
FactorWorld make_factor_world(std::int64_t colours, std::int64_t shapes,
                              const std::vector<std::int64_t>& offsets);

/// Share of the variance of `values` [combinations, width] over the whole grid that is neither the colours'
/// nor the shapes' (two-way analysis of variance): 0 where all of it adds up, NaN where nothing varies.
double interaction_share(const FactorWorld& world, const std::vector<double>& values, std::int64_t width);

/// R^2 about the mean of the training combinations, summed over columns: 1 - sum (y - p)^2 / sum (y -
/// mean)^2, over the combinations held out or the others.
double factor_r2(const FactorWorld& world, const std::vector<double>& predicted,
                 const std::vector<double>& wanted, std::int64_t width, bool held_out);

/// The best prediction of `wanted` as a term of the colour plus a term of the shape, by least squares on the
/// training combinations: what a linear network with both as inputs learns. [combinations, width]
std::vector<double> additive_fit(const FactorWorld& world, const std::vector<double>& wanted,
                                 std::int64_t width);

}  // namespace polysem
