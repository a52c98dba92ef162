#include "bench/program/train_options.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/program/recipe_options.hpp"
#include "polysem/error.hpp"

namespace polysem::program {

namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

std::int64_t latents_of(const Arguments& arguments, std::int64_t dim) {
  if (arguments.given("latents") && arguments.given("expansion"))
    throw UsageError("give --latents or --expansion, not both");
  if (arguments.given("expansion"))
    return std::llround(arguments.number("expansion", 1.0 / static_cast<double>(dim), 4096) *
                        static_cast<double>(dim));
  return arguments.integer("latents", 1, (std::int64_t{1} << 31) - 1);
}

std::int64_t steps_of(const Arguments& arguments, std::int64_t batch) {
  if (arguments.given("steps") && arguments.given("samples"))
    throw UsageError("give --steps or --samples, not both");
  constexpr std::int64_t kMostSamples =
      1'000'000'000'000'000;  // what JSON's numbers hold, and no product overflows
  if (!arguments.given("samples")) return arguments.integer("steps", 1, kMostSamples / batch);
  const std::int64_t samples = arguments.integer("samples", 1, kMostSamples);
  return (samples + batch - 1) / batch;
}

/// Given in steps, or as a share of the run below 1: --decay 0.2.
std::int64_t steps_or_share(const Arguments& arguments, const char* option, std::int64_t steps) {
  const double value = arguments.number(option, 0, static_cast<double>(steps));
  if (value < 1) return std::llround(value * static_cast<double>(steps));
  return arguments.integer(option, 0, steps);
}

DecoderConstraint decoder_of(const Arguments& arguments) {
  const std::string word = arguments.choice("decoder", {"unit_norm", "norm_aware", "none"});
  if (word == "norm_aware") return DecoderConstraint::kNormAware;
  return word == "none" ? DecoderConstraint::kNone : DecoderConstraint::kUnitNorm;
}

/// A coefficient that is given by itself is kept: a controller has to be asked for then.
double target_l0(const Arguments& arguments, const Recipe& recipe, std::int64_t latents) {
  const bool plain = arguments.given(coefficient_option(recipe)) && !arguments.given("target-l0");
  const auto most = static_cast<double>(latents);
  return plain ? 0.0 : std::min(recipe_number(arguments, recipe, "target-l0", 0, most, 0), most);
}

std::int64_t sparsity_warmup(const Arguments& arguments, const Recipe& recipe, std::int64_t steps) {
  if (arguments.given("sparsity-warmup")) return steps_or_share(arguments, "sparsity-warmup", steps);
  const RecipeParameter* share = recipe.parameter("sparsity-warmup");
  return share == nullptr ? 0 : std::llround(share->value * static_cast<double>(steps));
}

}  // namespace

const Recipe& recipe_of(const Arguments& arguments) {
  try {
    return find_recipe(arguments.text("recipe"));
  } catch (const Error& error) {
    arguments.refuse("recipe", error.what());
  }
}

std::vector<OptionSpec> train_options() {
  std::vector<OptionSpec> options = {
      {"data", "STORE", "", "activations to train on: a store that polysem capture or data made"},
      {"recipe", "NAME", "topk", "how to train; --list-recipes shows them"},
      {"list-recipes", "", "", "list every recipe with its parameters, defaults and source, and stop"},
      {"latents", "N", "", "latents of the coder"},
      {"expansion", "X", "", "latents as a multiple of the dimension of the data, instead of --latents",
       false, "latents"},
      {"batch", "N", "2048", "rows a step"},
      {"steps", "N", "1500", "length of the run"},
      {"samples", "N", "", "length of the run in rows, instead of --steps", false, "steps"},
      {"lr", "RATE", "2e-3", "peak learning rate of Adam"},
      {"lr-schedule", "constant|cosine", "constant", "shape between warm-up and decay"},
      {"warmup", "N|SHARE", "0.05", "steps of linear warm-up, or a share of the run below 1"},
      {"decay", "N|SHARE", "0.8", "steps of linear decay to 0 at the end, or a share of the run below 1"},
      {"beta1", "B", "0.9", "Adam's first decay rate"},
      {"beta2", "B", "0.99", "Adam's second decay rate"},
      {"clip", "LENGTH", "0", "largest length of the whole gradient (0: no limit)"},
      {"decoder", "unit_norm|norm_aware|none", "unit_norm", "how decoder rows are kept"},
      {"normalize", "expected_average_only_in|none", "expected_average_only_in",
       "scale of the inputs in training; folded into what is saved"},
      {"dead-window", "SAMPLES", "0",
       "a latent without firing for so long is dead (0: 1 % of the run, at most 10M)"},
      {"log-every", "STEPS", "50", "steps between lines of metrics.jsonl"},
      {"checkpoint-every", "STEPS", "500", "steps between checkpoints (0: only when stopped)"},
      {"eval-every", "STEPS", "0", "steps between measurements on --eval-data (0: none)"},
      {"eval-data", "STORE", "", "held-out activations for --eval-every"},
      {"tensorboard", "", "", "also write the metrics for TensorBoard, into --out"},
      {"resume", "", "", "go on from the checkpoint in --out, or begin where there is none"},
  };
  const auto place =
      std::find_if(options.begin(), options.end(), [](const auto& o) { return o.name == "batch"; });
  const auto own = recipe_options();
  options.insert(place, own.begin(), own.end());
  return options;
}

TrainConfig train_config(const Arguments& arguments, std::int64_t dim, Precision precision) {
  TrainConfig config;
  CoderConfig& coder = config.coder;
  coder.recipe = arguments.text("recipe");
  const Recipe& recipe = recipe_of(arguments);
  refuse_foreign_options(arguments, recipe);
  coder.d_in = coder.d_out = dim;
  coder.latents = latents_of(arguments, dim);
  config.target_l0 = target_l0(arguments, recipe, coder.latents);
  coder.k =
      recipe_integer(arguments, recipe, "k", 1, coder.latents,
                     std::clamp<std::int64_t>(std::llround(config.target_l0 > 0 ? config.target_l0 : coder.k),
                                              1, coder.latents));
  coder.bandwidth =
      static_cast<float>(recipe_number(arguments, recipe, "bandwidth", 1e-6, 1e6, coder.bandwidth));
  config.sparsity = recipe_number(arguments, recipe, coefficient_option(recipe), 0, 1e9, 0);
  coder.precision = precision;
  coder.decoder = decoder_of(arguments);
  coder.aux_k = std::min(recipe_integer(arguments, recipe, "aux-k", 0, kMost, 0), coder.latents);
  coder.aux_coefficient = static_cast<float>(recipe_number(arguments, recipe, "aux-coefficient", 0, 1e6, 0));

  config.batch = arguments.integer("batch", 1, std::int64_t{1} << 31);
  config.rate.steps = steps_of(arguments, config.batch);
  config.rate.peak = arguments.number("lr", 1e-12, 1e3);
  config.rate.shape = arguments.choice("lr-schedule", {"constant", "cosine"}) == "cosine"
                          ? LearningRate::Shape::kCosine
                          : LearningRate::Shape::kConstant;
  config.rate.warmup = steps_or_share(arguments, "warmup", config.rate.steps);
  config.rate.decay = steps_or_share(arguments, "decay", config.rate.steps);
  config.sparsity_warmup = sparsity_warmup(arguments, recipe, config.rate.steps);
  config.beta1 = static_cast<float>(arguments.number("beta1", 0, 0.999999));
  config.beta2 = static_cast<float>(arguments.number("beta2", 0, 0.999999));
  config.clip = static_cast<float>(arguments.number("clip", 0, 1e30));
  config.normalize = arguments.choice("normalize", {"expected_average_only_in", "none"}) == "none"
                         ? Normalize::kNone
                         : Normalize::kExpectedAverageOnlyIn;
  config.seed = static_cast<std::uint64_t>(arguments.integer("seed", 0, kMost));
  config.log_every = arguments.integer("log-every", 1, kMost);
  config.checkpoint_every = arguments.integer("checkpoint-every", 0, kMost);

  const std::int64_t samples = config.rate.steps * config.batch;
  coder.dead_window = arguments.integer("dead-window", 0, std::int64_t{1} << 31);
  if (coder.dead_window == 0) coder.dead_window = std::clamp<std::int64_t>(samples / 100, 1, 10'000'000);
  validate(config);
  return config;
}

}  // namespace polysem::program
