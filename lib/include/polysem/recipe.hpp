#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "polysem/sparse_coder.hpp"

namespace polysem {

/// A number of a recipe that `polysem train --list-recipes` shows.
struct RecipeParameter {
  std::string_view option;  ///< as typed on the command line, without dashes
  double value;             ///< default
  std::string_view help;
};

/// A named way to train a sparse coder. The table in lib/models/recipes.cpp lists them all.
struct Recipe {
  std::string_view name;
  std::string_view summary;
  std::string_view source;        ///< paper
  std::string_view architecture;  ///< under which name SAELens loads the result
  std::span<const RecipeParameter> parameters;
  std::unique_ptr<Activation> (*make_activation)(const CoderConfig& config);

  /// Its parameter of that name, or null.
  const RecipeParameter* parameter(std::string_view option) const noexcept;
  /// Whether a trained coder selects by thresholds.
  bool needs_threshold() const noexcept { return architecture == "jumprelu"; }
};

std::span<const Recipe* const> recipes();
/// Throws Error{kInvalidArgument} that lists the names there are.
const Recipe& find_recipe(std::string_view name);

}  // namespace polysem
