#pragma once

#include <vector>

#include "bench/program/arguments.hpp"
#include "polysem/recipe.hpp"

namespace polysem::program {

/// The options that recipes have of their own, each once, with every recipe's default in its help.
std::vector<OptionSpec> recipe_options();

/// Throws UsageError where an option was given that other recipes have, but not this one.
void refuse_foreign_options(const Arguments& arguments, const Recipe& recipe);

/// The option's value, or the recipe's default; `otherwise` where the recipe has no such option.
double recipe_number(const Arguments& arguments, const Recipe& recipe, std::string_view option, double lowest,
                     double highest, double otherwise);
/// The same for whole numbers.
std::int64_t recipe_integer(const Arguments& arguments, const Recipe& recipe, std::string_view option,
                            std::int64_t lowest, std::int64_t highest, std::int64_t otherwise);

/// The option that sets the weight of the recipe's sparsity term; "" where it has none.
std::string_view coefficient_option(const Recipe& recipe);

/// Arguments::effective() with the recipe's own options as well; `target_l0` is the one in force.
nlohmann::json effective_options(const Arguments& arguments, const Recipe& recipe, double target_l0);

}  // namespace polysem::program
