// TopK: Gao et al., "Scaling and evaluating sparse autoencoders", arXiv 2406.04093, section 2.3; after
// Makhzani & Frey, "k-sparse autoencoders", arXiv 1312.5663. f keeps the k largest pre-activations of a row
// and passes them through ReLU; the gradient passes where a kept value is positive. Selection itself has no
// gradient.
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

class TopK final : public Activation {
 public:
  explicit TopK(const CoderConfig& config) : config_(config) {}

  std::int64_t row_length() const override { return config_.k; }
  std::int64_t capacity(std::int64_t rows) const override { return rows * config_.k; }

  void encode(Executor& executor, const CoderTensors& coder, const Tensor& centred,
              const SparseCodes& codes) const override {
    const bool low = static_cast<bool>(coder.w_enc_low);
    const EncodeTopK op{.rows = centred.rows,
                        .d_in = config_.d_in,
                        .latents = config_.latents,
                        .k = config_.k,
                        .precision = low ? Precision::kBF16 : Precision::kF32};
    executor.run(op, {.x = centred,
                      .w_enc = low ? coder.w_enc_low : coder.w_enc,
                      .b_enc = coder.b_enc,
                      .scale = coder.decoder_norms,
                      .candidates = {},
                      .values = codes.values,
                      .ids = codes.latents,
                      .nonfinite = {}});
  }

  void backward(Executor& executor, const CoderTensors& coder, const Tensor& error, const SparseCodes& codes,
                float scale, const Tensor& gradient) const override {
    const SparseGradValues op{.rows = error.rows,
                              .latents = config_.latents,
                              .d_out = config_.d_out,
                              .k = codes.k,
                              .capacity = codes.capacity(),
                              .scale = scale};
    executor.run(op, {.error = error,
                      .w_dec = coder.w_dec_low ? coder.w_dec_low : coder.w_dec,
                      .values = codes.values,
                      .ids = codes.latents,
                      .row_offsets = codes.row_offsets,
                      .gradient = gradient});
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
