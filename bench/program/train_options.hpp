#pragma once

#include <vector>

#include "bench/program/arguments.hpp"
#include "polysem/recipe.hpp"
#include "polysem/trainer.hpp"

namespace polysem::program {

/// The recipe of --recipe; UsageError that lists the names where there is none.
const Recipe& recipe_of(const Arguments& arguments);

/// Options of polysem train: those of every recipe, and those that recipes have of their own.
std::vector<OptionSpec> train_options();

/// The run that the options ask for, on data of `dim` dimensions.
TrainConfig train_config(const Arguments& arguments, std::int64_t dim, Precision precision);

}  // namespace polysem::program
