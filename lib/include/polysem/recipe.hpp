#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "polysem/sparse_coder.hpp"

namespace polysem {

/// A number of a recipe that `polysem train --list-recipes` shows.
struct RecipeParameter {
  std::string_view option;  ///< as typed on the command line, without dashes
  double value;             ///< default
  std::string_view help;
};

/// What the sparsity coefficient of a recipe weighs, in the mean over the rows of a batch.
enum class Penalty : std::uint8_t {
  kNone,
  kL0,  ///< active latents
  kL1,  ///< sum of the activations
};

/// A named way to train a sparse coder. The table in lib/models/recipes.cpp lists them all.
struct Recipe {
  std::string_view name;
  std::string_view summary;
  std::string_view source;        ///< paper
  std::string_view architecture;  ///< under which name SAELens loads the result
  std::span<const RecipeParameter> parameters;
  Penalty penalty = Penalty::kNone;
  bool learns_thresholds = false;  ///< by gradient, one a latent
  std::unique_ptr<Activation> (*make_activation)(const CoderConfig& config) = nullptr;
  /// What is wrong with a config for this recipe, or ""; null where nothing can be.
  std::string (*check)(const CoderConfig& config) = nullptr;

  /// Its parameter of that name, or null.
  const RecipeParameter* parameter(std::string_view option) const noexcept;
  /// Whether a trained coder selects by thresholds.
  bool needs_threshold() const noexcept { return architecture == "jumprelu"; }
};

std::span<const Recipe* const> recipes();
/// Throws Error{kInvalidArgument} that lists the names there are.
const Recipe& find_recipe(std::string_view name);

}  // namespace polysem
