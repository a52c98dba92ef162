#pragma once

#include "bench/program/arguments.hpp"
#include "polysem/toy_training.hpp"

namespace polysem::program::toy {

/// Defaults of an experiment for options that several have, with those of --quick.
struct TrainingDefaults {
  std::string steps = "10000", quick_steps = "", lr = "1e-3", quick_lr = "", batch = "1024", quick_batch = "",
              optimiser = "adamw", schedule = "constant", decay = "0", weight_decay = "0.01", warmup = "0";
  bool batch_option = true;  ///< false where a step takes all samples
};

/// --quick, --steps, --batch, --lr, --lr-schedule, --warmup, --decay, --optimizer, --weight-decay,
/// --momentum.
std::vector<OptionSpec> training_options(const TrainingDefaults& defaults);
ToyTraining training_of(const Arguments& arguments);

/// `first` and then `more`.
std::vector<OptionSpec> joined(std::vector<OptionSpec> first, const std::vector<OptionSpec>& more);

/// Numbers of a list option, each from `lowest` to `highest`. One that is given twice is there once.
std::vector<double> numbers_of(const Arguments& arguments, std::string_view option, double lowest,
                               double highest);
/// The same for whole numbers, in increasing order.
std::vector<std::int64_t> whole_numbers_of(const Arguments& arguments, std::string_view option,
                                           std::int64_t lowest, std::int64_t highest);
/// Densities of a list option: each in (0, 1].
std::vector<double> densities_of(const Arguments& arguments, std::string_view option);
/// One density, in (0, 1].
double density_of(const Arguments& arguments, std::string_view option);

/// `count` values from `first` to `last`, evenly spaced by ratio.
std::vector<double> spaced_by_ratio(double first, double last, std::int64_t count);

/// --features and --dims; dims must not exceed features, for nothing has to share then.
struct ToySize {
  std::int64_t features, dims;
};
ToySize size_of(const Arguments& arguments);

}  // namespace polysem::program::toy
