#include "bench/program/toy/options.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace polysem::program::toy {

namespace {

constexpr double kSmallestDensity = 1e-9;

double checked_density(const Arguments& arguments, std::string_view option, const std::string& word) {
  const auto value = parse_number(word);
  if (!value || !(*value >= kSmallestDensity && *value <= 1))
    arguments.refuse(
        option,
        "a density is the probability that a feature is active, above 0 and at most 1; found '" + word + "'");
  return *value;
}

}  // namespace

std::vector<OptionSpec> training_options(const TrainingDefaults& d) {
  std::vector<OptionSpec> options = {
      {.name = "quick", .value_name = "", .value = "", .help = "a small version, in seconds"},
      {.name = "steps",
       .value_name = "N",
       .value = d.steps,
       .help = "training steps",
       .quick = d.quick_steps},
      {.name = "batch",
       .value_name = "N",
       .value = d.batch,
       .help = "samples a step",
       .quick = d.quick_batch},
      {.name = "optimizer",
       .value_name = "NAME",
       .value = d.optimiser,
       .help = "adamw, adam, rmsprop or sgd"},
      {.name = "lr", .value_name = "RATE", .value = d.lr, .help = "learning rate", .quick = d.quick_lr},
      {.name = "lr-schedule", .value_name = "SHAPE", .value = d.schedule, .help = "constant or cosine"},
      {.name = "warmup",
       .value_name = "N",
       .value = d.warmup,
       .help = "steps over which the rate grows from 0; auto is a twentieth of all"},
      {.name = "decay",
       .value_name = "SHARE",
       .value = d.decay,
       .help = "last part of the run over which the rate falls to 0"},
      {.name = "weight-decay",
       .value_name = "W",
       .value = d.weight_decay,
       .help = "decoupled for adamw, added to the gradient for the others"},
      {.name = "momentum", .value_name = "M", .value = "0", .help = "of sgd"},
  };
  if (!d.batch_option) std::erase_if(options, [](const OptionSpec& o) { return o.name == "batch"; });
  return options;
}

ToyTraining training_of(const Arguments& a) {
  ToyTraining t;
  const std::string optimiser = a.choice("optimizer", {"adamw", "adam", "rmsprop", "sgd"});
  t.optimiser = optimiser == "adamw"     ? ToyOptimiser::kAdamW
                : optimiser == "adam"    ? ToyOptimiser::kAdam
                : optimiser == "rmsprop" ? ToyOptimiser::kRmsProp
                                         : ToyOptimiser::kSgd;
  t.rate.peak = a.number("lr", 0, 1e6);
  t.rate.shape = a.choice("lr-schedule", {"constant", "cosine"}) == "cosine" ? LearningRate::Shape::kCosine
                                                                             : LearningRate::Shape::kConstant;
  t.rate.steps = a.integer("steps", 1, std::int64_t{1} << 40);
  t.rate.warmup = a.text("warmup") == "auto" ? t.rate.steps / 20 : a.integer("warmup", 0, t.rate.steps);
  t.rate.decay = std::llround(a.number("decay", 0, 1) * static_cast<double>(t.rate.steps));
  t.weight_decay = a.number("weight-decay", 0, 1e6);
  t.momentum = a.number("momentum", 0, 0.999999);
  t.batch = a.has("batch") ? a.integer("batch", 1, std::int64_t{1} << 24) : 1;
  t.seed = static_cast<std::uint64_t>(a.integer("seed", 0, std::int64_t{1} << 53));
  return t;
}

std::vector<OptionSpec> joined(std::vector<OptionSpec> first, const std::vector<OptionSpec>& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

namespace {

// Values of a list option; a default holds them in one word.
std::vector<std::string> words_of(const Arguments& arguments, std::string_view option) {
  std::vector<std::string> words;
  for (const std::string& part : arguments.list(option)) {
    std::istringstream in(part);
    for (std::string word; std::getline(in, word, ',');) words.push_back(word);
  }
  if (words.empty()) arguments.refuse(option, "expected at least one value");
  return words;
}

}  // namespace

std::vector<double> numbers_of(const Arguments& arguments, std::string_view option, double lowest,
                               double highest) {
  std::vector<double> values;
  for (const std::string& word : words_of(arguments, option)) {
    const auto value = parse_number(word);
    std::ostringstream range;
    range << "expected numbers from " << lowest << " to " << highest << ", found '" << word << "'";
    if (!value || *value < lowest || *value > highest) arguments.refuse(option, range.str());
    if (std::find(values.begin(), values.end(), *value) == values.end()) values.push_back(*value);
  }
  return values;
}

std::vector<std::int64_t> whole_numbers_of(const Arguments& arguments, std::string_view option,
                                           std::int64_t lowest, std::int64_t highest) {
  std::vector<std::int64_t> values;
  for (const double value :
       numbers_of(arguments, option, static_cast<double>(lowest), static_cast<double>(highest))) {
    if (value != std::floor(value)) arguments.refuse(option, "expected whole numbers");
    values.push_back(static_cast<std::int64_t>(value));
  }
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<double> densities_of(const Arguments& arguments, std::string_view option) {
  std::vector<double> values;
  for (const std::string& word : words_of(arguments, option))
    values.push_back(checked_density(arguments, option, word));
  return values;
}

double density_of(const Arguments& arguments, std::string_view option) {
  return checked_density(arguments, option, arguments.text(option));
}

std::vector<double> spaced_by_ratio(double first, double last, std::int64_t count) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const double share = count == 1 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1);
    values.push_back(i == count - 1 && count > 1 ? last : first * std::pow(last / first, share));
  }
  return values;
}

ToySize size_of(const Arguments& a) {
  const ToySize size{a.integer("features", 1, 1 << 20), a.integer("dims", 1, 1 << 16)};
  if (size.dims > size.features)
    a.refuse("dims", "expected at most as many as --features, " + std::to_string(size.features) + ", found " +
                         std::to_string(size.dims) +
                         ": with room for every feature nothing is in superposition");
  return size;
}

}  // namespace polysem::program::toy
