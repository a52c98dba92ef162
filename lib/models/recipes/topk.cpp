// TopK: Gao et al., "Scaling and evaluating sparse autoencoders", arXiv 2406.04093, section 2.3; after
// Makhzani & Frey, "k-sparse autoencoders", arXiv 1312.5663. f keeps the k largest pre-activations of a row
// and passes them through ReLU; the gradient passes where a kept value is positive. Selection itself has no
// gradient.
#include "lib/models/activation.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

class TopK final : public Activation {
 public:
  explicit TopK(const CoderConfig& config) : config_(config) {}

  std::int64_t row_length() const override { return config_.k; }
  std::int64_t first_capacity(std::int64_t rows) const override { return rows * config_.k; }

  void encode(Executor& executor, const CoderTensors& coder, const Tensor& centred,
              CodeBuffer& buffer) override {
    const EncodeTopK op{.rows = centred.rows,
                        .d_in = config_.d_in,
                        .latents = config_.latents,
                        .k = config_.k,
                        .precision = config_.precision};
    executor.run(op, {.x = centred,
                      .w_enc = coder.encoder(),
                      .b_enc = coder.b_enc,
                      .scale = coder.decoder_norms,
                      .candidates = {},
                      .values = buffer.codes.values,
                      .ids = buffer.codes.latents,
                      .nonfinite = {}});
  }

 private:
  CoderConfig config_;
};

constexpr RecipeParameter kParameters[] = {
    {"k", 32, "active latents a row"},
    {"aux-k", 256, "dead latents that model the error of a row (0: no AuxK)"},
    {"aux-coefficient", 1.0 / 32.0, "weight of the AuxK loss"},
};

}  // namespace

extern const Recipe kTopKRecipe;
const Recipe kTopKRecipe{
    .name = "topk",
    .summary = "keep the k largest pre-activations of each row",
    .source = "Gao et al. 2024, arXiv 2406.04093",
    .architecture = "topk",
    .parameters = kParameters,
    .make_activation = [](const CoderConfig& config) -> std::unique_ptr<Activation> {
      return std::make_unique<TopK>(config);
    },
};

}  // namespace polysem
