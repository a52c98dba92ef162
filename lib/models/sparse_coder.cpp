#include "polysem/sparse_coder.hpp"

#include <cmath>

#include "lib/models/activation.hpp"
#include "lib/models/coder_tensors.hpp"
#include "polysem/error.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

void require(bool holds, const char* what) {
  if (!holds) throw Error(ErrorCode::kInvalidArgument, what);
}

}  // namespace

std::string_view name(DecoderConstraint constraint) noexcept {
  switch (constraint) {
    case DecoderConstraint::kNone:
      return "none";
    case DecoderConstraint::kUnitNorm:
      return "unit_norm";
    case DecoderConstraint::kNormAware:
      return "norm_aware";
  }
  return "none";
}

void validate(const CoderConfig& config) {
  const Recipe& recipe = find_recipe(config.recipe);
  require(config.d_in > 0 && config.d_out > 0, "d_in and d_out must be positive");
  require(config.latents > 0 && config.latents < (std::int64_t{1} << 31),
          "latents must lie between 1 and 2^31 - 1");
  require(config.k >= 0 && config.k <= config.latents, "k must lie between 1 and the number of latents");
  require(config.k > 0 || config.recipe != "topk", "k must be at least 1");
  require(!config.apply_b_dec_to_input || config.d_in == config.d_out,
          "apply_b_dec_to_input needs an input as wide as the output");
  require(config.aux_k >= 0, "aux-k must not be negative");
  require(config.aux_coefficient >= 0.0f, "aux-coefficient must not be negative");
  require(config.dead_window > 0, "dead-window must be positive");
  require(config.threshold_rate > 0 && config.threshold_rate <= 1, "threshold_rate must lie in (0, 1]");
  require(config.bandwidth > 0 && std::isfinite(config.bandwidth), "bandwidth must be positive");
  if (recipe.check != nullptr) {
    if (const std::string wrong = recipe.check(config); !wrong.empty())
      throw Error(ErrorCode::kInvalidArgument, wrong);
  }
}

SparseCoder::SparseCoder(Executor& executor, const CoderConfig& config, const CoderWeights& weights,
                         std::int64_t max_rows)
    : executor_(&executor), config_(config), max_rows_(max_rows) {
  validate(config);
  require(max_rows > 0, "max_rows must be positive");
  require(weights.threshold.empty() != find_recipe(config.recipe).needs_threshold(),
          "the coder's thresholds are missing, or its recipe has none");
  tensors_ = make_coder_tensors(executor, config, weights);
  activation_ = find_recipe(config.recipe).make_activation(config);
  buffer_ = std::make_unique<CodeBuffer>(executor, max_rows, activation_->row_length(),
                                         activation_->first_capacity(max_rows));
  if (config.apply_b_dec_to_input) centred_ = executor.make(max_rows, config.d_in);
  if (const DType low = storage_type(config.precision); low != DType::kF32)
    centred_low_ = executor.make(max_rows, config.d_in, low);
}

SparseCoder::~SparseCoder() = default;

SparseCodes SparseCoder::encode(const Tensor& x) {
  require(x.rows <= max_rows_, "encode: more rows than the coder was made for");
  buffer_->set_rows(x.rows);
  const Tensor input = centre(*executor_, config_, tensors_, x, centred_, centred_low_);
  activation_->encode(*executor_, tensors_, input, *buffer_);
  return buffer_->codes;
}

void SparseCoder::decode(const SparseCodes& codes, const Tensor& output) {
  const SparseDecode op{.rows = codes.rows,
                        .latents = config_.latents,
                        .d_out = config_.d_out,
                        .k = codes.k,
                        .capacity = codes.capacity()};
  executor_->run(op, {.values = codes.values,
                      .ids = codes.latents,
                      .row_offsets = codes.row_offsets,
                      .w_dec = tensors_.w_dec,
                      .bias = tensors_.b_dec,
                      .base = {},
                      .target = {},
                      .output = output,
                      .error = {},
                      .row_loss = {}});
}

}  // namespace polysem
