// JumpReLU: Rajamanoharan et al., "Jumping ahead", arXiv 2407.14435. f = h where h > theta, else 0, with a
// threshold theta a latent that is learned. The loss adds lambda * mean_B sum H(h - theta). Neither jump nor
// step has a derivative of use by theta; inside a band of width epsilon about theta the estimates
//   df / dtheta = -(theta / epsilon),  dH / dtheta = -(1 / epsilon)   for |h - theta| < epsilon / 2
// stand in (equations 11 and 12), and nothing of the step reaches h. theta is kept itself, not its logarithm,
// which Adam would hardly move where it is small, and stays at or above 0.
//
// A latent whose pre-activations all lie below the band has no gradient at all, and AuxK moves its weights
// but not its threshold. So the threshold of a dead latent descends: the pre-activation loss mean_B
// relu(theta - h) of Anthropic's January 2025 update, on dead latents alone as in SAELens, here with its
// gradient by theta.
#include <optional>

#include "lib/models/activation.hpp"
#include "lib/models/threshold_codes.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

class JumpRelu final : public Activation {
 public:
  explicit JumpRelu(const CoderConfig& config) : config_(config) {}

  std::int64_t row_length() const override { return 0; }
  std::int64_t first_capacity(std::int64_t rows) const override {
    return first_threshold_capacity(rows, config_.latents);
  }

  void encode(Executor& executor, const CoderTensors& coder, const Tensor& centred,
              CodeBuffer& buffer) override {
    encode_above_threshold(executor, config_, coder, centred, buffer);
  }

  bool encode_batch(Executor& executor, const CoderTensors& coder, const Tensor& centred,
                    CodeBuffer& buffer) override {
    if (!band_) {
      band_.emplace(executor, centred.rows, 0, first_capacity(centred.rows), config_.latents);
      threshold_gradient_ = executor.make(1, config_.latents);
    }
    encode_above_threshold(executor, config_, coder, centred, buffer, {config_.bandwidth, &*band_});
    band_->match_codes(executor);
    return true;
  }

  void backward(Executor& executor, const CoderTensors& coder, const Tensor& error, CodeList& list,
                float scale, float penalty) override {
    grad_values(executor, coder, error, list, scale, 0.0f);
    grad_values(executor, coder, error, *band_, scale, 0.0f);
    band_->sort_by_latent(executor, config_.latents);
    executor.run(
        ThresholdGrad{.latents = config_.latents, .capacity = band_->codes.capacity(), .penalty = penalty},
        {.begin = band_->begin,
         .entries = band_->entries_view(),
         .values = band_->codes.values,
         .gradient = band_->gradient_view(),
         .threshold = coder.threshold,
         .out = threshold_gradient_});
  }

  void revive(Executor& executor, std::span<const std::int32_t> dead, float scale) override {
    if (dead.empty()) return;
    std::vector<float> pull(static_cast<std::size_t>(config_.latents), 0.0f);
    for (const std::int32_t j : dead) pull[static_cast<std::size_t>(j)] = scale;
    if (!pull_) pull_ = executor.make(1, config_.latents);
    executor.upload(pull_, pull);
    executor.run(Elementwise{.kind = Elementwise::Kind::kAxpby,
                             .rows = 1,
                             .cols = config_.latents,
                             .b_rows = 1,
                             .b_cols = config_.latents,
                             .alpha = 1.0f,
                             .beta = 1.0f},
                 {.a = threshold_gradient_, .b = pull_, .out = threshold_gradient_});
  }

  Tensor threshold_gradient() const override { return threshold_gradient_; }

 private:
  CoderConfig config_;
  std::optional<CodeList> band_;
  Array threshold_gradient_, pull_;
};

constexpr RecipeParameter kParameters[] = {
    {"target-l0", 32, "active latents a row that a controller of the coefficient aims at (0: no controller)"},
    {"l0-coefficient", 0, "weight of the L0 term; with --target-l0 only to begin with (0: chosen)"},
    {"sparsity-warmup", 0, "steps over which the coefficient grows from 0, or a share of the run below 1"},
    {"bandwidth", 0.5, "width of the band about a threshold that its gradient is estimated from"},
    {"aux-k", 256, "dead latents that model the error of a row (0: no AuxK)"},
    {"aux-coefficient", 1.0 / 32.0, "weight of the AuxK loss"},
};

}  // namespace

extern const Recipe kJumpReluRecipe;
const Recipe kJumpReluRecipe{
    .name = "jumprelu",
    .summary = "keep what exceeds a threshold that each latent learns",
    .source = "Rajamanoharan et al. 2024, arXiv 2407.14435",
    .architecture = "jumprelu",
    .parameters = kParameters,
    .penalty = Penalty::kL0,
    .learns_thresholds = true,
    .make_activation = [](const CoderConfig& config) -> std::unique_ptr<Activation> {
      return std::make_unique<JumpRelu>(config);
    },
    .check = [](const CoderConfig& config) -> std::string {
      if (config.decoder == DecoderConstraint::kNormAware)
        return "recipe jumprelu has no ranking for decoder norms to take part in; use --decoder unit_norm or "
               "none";
      return "";
    },
};

}  // namespace polysem
