// ReLU with an L1 term: Bricken et al., "Towards monosemanticity" (2023); Cunningham et al., arXiv
// 2309.08600. f = max(h, 0), and the loss adds lambda * mean_B sum f, which means something only while the
// decoder cannot grow as f shrinks: its rows have length 1. Many latents are active early on, so that codes
// are dense then (lib/models/dense_pass.hpp).
#include "lib/models/activation.hpp"
#include "lib/models/dense_pass.hpp"
#include "lib/models/threshold_codes.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

class Relu final : public Activation {
 public:
  explicit Relu(const CoderConfig& config) : config_(config) {}

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
    const double most = DensePass::kDenseShare * static_cast<double>(config_.latents);
    return encode_above_threshold(executor, config_, coder, centred, buffer, {}, most);
  }

 private:
  CoderConfig config_;
};

constexpr RecipeParameter kParameters[] = {
    {"l1-coefficient", 4, "weight of the L1 term"},
    {"target-l0", 0, "active latents a row that a controller of the coefficient aims at (0: no controller)"},
    {"sparsity-warmup", 0.33, "steps over which the coefficient grows from 0, or a share of the run below 1"},
    {"aux-k", 256, "dead latents that model the error of a row (0: no AuxK)"},
    {"aux-coefficient", 1.0 / 32.0, "weight of the AuxK loss"},
};

}  // namespace

extern const Recipe kReluL1Recipe;
const Recipe kReluL1Recipe{
    .name = "relu_l1",
    .summary = "ReLU, and an L1 term that keeps it sparse",
    .source = "Bricken et al. 2023; Cunningham et al. 2023, arXiv 2309.08600",
    .architecture = "standard",
    .parameters = kParameters,
    .penalty = Penalty::kL1,
    .make_activation = [](const CoderConfig& config) -> std::unique_ptr<Activation> {
      return std::make_unique<Relu>(config);
    },
    .check = [](const CoderConfig& config) -> std::string {
      if (config.decoder != DecoderConstraint::kUnitNorm)
        return "recipe relu_l1 needs --decoder unit_norm: longer decoder rows would escape the L1 term";
      return "";
    },
};

}  // namespace polysem
