#include <cmath>

#include "lib/train/train_config.hpp"
#include "polysem/error.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

void require(bool holds, const char* what) {
  if (!holds) throw Error(ErrorCode::kInvalidArgument, what);
}

bool in_unit_interval(float beta) { return beta >= 0.0f && beta < 1.0f; }

}  // namespace

std::string_view name(Normalize normalize) noexcept {
  return normalize == Normalize::kNone ? "none" : "expected_average_only_in";
}

void validate(const TrainConfig& config) {
  validate(config.coder);
  require(config.batch > 0, "batch must be at least 1");
  require(config.coder.k > 0, "k must be at least 1");
  require(config.batch * config.coder.k < (std::int64_t{1} << 31), "batch times k must stay below 2^31");
  require(config.rate.steps > 0, "steps must be at least 1");
  require(std::isfinite(config.rate.peak) && config.rate.peak > 0, "lr must be positive");
  require(config.rate.warmup >= 0 && config.rate.decay >= 0, "warmup and decay must not be negative");
  require(config.rate.warmup + config.rate.decay <= config.rate.steps,
          "warmup and decay must fit into steps");
  require(in_unit_interval(config.beta1) && in_unit_interval(config.beta2),
          "beta1 and beta2 must lie in [0, 1)");
  require(config.epsilon > 0, "epsilon must be positive");
  require(std::isfinite(config.sparsity) && config.sparsity >= 0,
          "the sparsity coefficient must not be negative");
  require(std::isfinite(config.target_l0) && config.target_l0 >= 0 &&
              config.target_l0 <= static_cast<double>(config.coder.latents),
          "target-l0 must lie between 0 and the number of latents");
  require(config.sparsity_warmup >= 0 && config.sparsity_warmup <= config.rate.steps,
          "sparsity-warmup must fit into steps");
  require(config.clip >= 0 && std::isfinite(config.clip), "clip must not be negative");
  require(config.log_every > 0, "log-every must be at least 1");
  require(config.checkpoint_every >= 0, "checkpoint-every must not be negative");
}

CheckpointText describe(const TrainConfig& config) {
  const CoderConfig& coder = config.coder;
  const LearningRate& rate = config.rate;
  CheckpointText text = {{"recipe", coder.recipe},
                         {"d_in", std::to_string(coder.d_in)},
                         {"d_out", std::to_string(coder.d_out)},
                         {"latents", std::to_string(coder.latents)},
                         {"k", std::to_string(coder.k)},
                         {"apply_b_dec_to_input", coder.apply_b_dec_to_input ? "true" : "false"},
                         {"decoder", std::string(name(coder.decoder))},
                         {"precision", std::string(name(coder.precision))},
                         {"aux-k", std::to_string(coder.aux_k)},
                         {"aux-coefficient", exact(double{coder.aux_coefficient})},
                         {"dead-window", std::to_string(coder.dead_window)},
                         {"batch", std::to_string(config.batch)},
                         {"steps", std::to_string(rate.steps)},
                         {"lr", exact(rate.peak)},
                         {"lr-schedule", std::string(name(rate.shape))},
                         {"warmup", std::to_string(rate.warmup)},
                         {"decay", std::to_string(rate.decay)},
                         {"beta1", exact(double{config.beta1})},
                         {"beta2", exact(double{config.beta2})},
                         {"epsilon", exact(double{config.epsilon})},
                         {"clip", exact(double{config.clip})},
                         {"normalize", std::string(name(config.normalize))},
                         {"seed", std::to_string(config.seed)}};
  const Recipe& recipe = find_recipe(coder.recipe);
  if (recipe.learns_thresholds) text["bandwidth"] = exact(double{coder.bandwidth});
  if (recipe.penalty != Penalty::kNone) {
    text["sparsity-coefficient"] = exact(config.sparsity);
    text["target-l0"] = exact(config.target_l0);
    text["sparsity-warmup"] = std::to_string(config.sparsity_warmup);
  }
  return text;
}

}  // namespace polysem
