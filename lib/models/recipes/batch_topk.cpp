// BatchTopK: Bussmann, Leask & Nanda, "BatchTopK sparse autoencoders", arXiv 2412.06410. In training a batch
// of B rows keeps its k B largest positive pre-activations, however they fall on the rows; the gradient
// passes where a value was kept. A trained coder cannot see a batch: it keeps what is above a threshold, the
// running mean of the smallest value kept in a batch (as SAELens learns it, except that the first batch is
// copied rather than averaged with 0, and that short runs, which SAELens's rate of 0.01 is too slow for, have
// a faster one).
#include "lib/models/activation.hpp"
#include "lib/models/threshold_codes.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

class BatchTopK final : public Activation {
 public:
  explicit BatchTopK(const CoderConfig& config) : config_(config) {}

  std::int64_t row_length() const override { return 0; }
  std::int64_t first_capacity(std::int64_t rows) const override {
    return config_.k > 0 ? rows * config_.k : first_threshold_capacity(rows, config_.latents);
  }

  void encode(Executor& executor, const CoderTensors& coder, const Tensor& centred,
              CodeBuffer& buffer) override {
    encode_above_threshold(executor, config_, coder, centred, buffer);
  }

  bool encode_batch(Executor& executor, const CoderTensors& coder, const Tensor& centred,
                    CodeBuffer& buffer) override {
    if (!smallest_) smallest_ = executor.make(1, 1);
    const EncodeBatchTopK op{.rows = centred.rows,
                             .d_in = config_.d_in,
                             .latents = config_.latents,
                             .total = centred.rows * config_.k,
                             .precision = config_.precision};
    executor.run(op, {.x = centred,
                      .w_enc = coder.encoder(),
                      .b_enc = coder.b_enc,
                      .scale = coder.decoder_norms,
                      .values = buffer.codes.values,
                      .ids = buffer.codes.latents,
                      .row_offsets = buffer.codes.row_offsets,
                      .threshold = smallest_,
                      .nonfinite = {}});
    const double smallest = executor.download_f32(smallest_)[0];
    if (smallest > 0) {  // else nothing was positive, which says nothing
      const double rate = batches_ > 0 ? double{config_.threshold_rate} : 1.0;
      threshold_ = (1 - rate) * threshold_ + rate * smallest;
      ++batches_;
    }
    return true;
  }

  /// Latents compete by h times decoder norm in norm-aware coders: what h must exceed is less for longer
  /// rows.
  std::vector<float> thresholds(Executor& executor, const CoderTensors& coder) const override {
    std::vector<float> values(static_cast<std::size_t>(config_.latents), static_cast<float>(threshold_));
    if (!coder.decoder_norms) return values;
    const auto norms = executor.download_f32(coder.decoder_norms);
    for (std::size_t j = 0; j < values.size(); ++j)
      if (norms[j] > 0) values[j] = static_cast<float>(threshold_ / norms[j]);
    return values;
  }

  std::vector<NamedNumber> numbers() override {
    return {{"batch_topk.threshold", &threshold_}, {"batch_topk.batches", &batches_}};
  }

 private:
  CoderConfig config_;
  double threshold_ = 0, batches_ = 0;
  Array smallest_;
};

constexpr RecipeParameter kParameters[] = {
    {"k", 32, "active latents a row, in the mean over a batch"},
    {"aux-k", 256, "dead latents that model the error of a row (0: no AuxK)"},
    {"aux-coefficient", 1.0 / 32.0, "weight of the AuxK loss"},
};

}  // namespace

extern const Recipe kBatchTopKRecipe;
const Recipe kBatchTopKRecipe{
    .name = "batch_topk",
    .summary = "keep the k B largest pre-activations of a batch of B rows; afterwards a threshold",
    .source = "Bussmann et al. 2024, arXiv 2412.06410",
    .architecture = "jumprelu",
    .parameters = kParameters,
    .make_activation = [](const CoderConfig& config) -> std::unique_ptr<Activation> {
      return std::make_unique<BatchTopK>(config);
    },
};

}  // namespace polysem
