#pragma once

#include <vector>

#include "bench/program/arguments.hpp"
#include "polysem/trainer.hpp"

namespace polysem::program {

/// Options of polysem train, shared by every recipe.
std::vector<OptionSpec> train_options();

/// The run that the options ask for, on data of `dim` dimensions.
TrainConfig train_config(const Arguments& arguments, std::int64_t dim, Precision precision);

}  // namespace polysem::program
