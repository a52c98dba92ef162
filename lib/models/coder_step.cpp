#include "polysem/coder_step.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "lib/models/activation.hpp"
#include "lib/models/auxk.hpp"
#include "lib/models/coder_tensors.hpp"
#include "lib/models/coder_update.hpp"
#include "lib/models/dense_pass.hpp"
#include "polysem/error.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

struct CoderStep::Impl {
  Executor& executor;
  CoderConfig config;
  bool penalised;
  std::int64_t batch;
  double target_variance;
  CoderTensors coder;
  std::unique_ptr<Activation> activation;
  CodeList list;
  CoderUpdate update;
  Array fired, since;
  std::int64_t oldest = 0;  // no age in `since` is above
  std::optional<AuxK> auxk;
  std::optional<DensePass> dense;
  double dense_codes = 0;  // 1: the next step takes dense codes
  Array centred, centred_low, error, row_loss, scalar;
  Array column_mean, row_distance;

  Impl(Executor& e, const CoderConfig& c, CoderWeights weights, std::int64_t rows, double variance)
      : executor(e),
        config(c),
        penalised(find_recipe(c.recipe).penalty != Penalty::kNone),
        batch(rows),
        target_variance(variance),
        coder(make_coder_tensors(e, c, CoderWeights(std::move(weights)))),  // gone before the moments come
        activation(find_recipe(c.recipe).make_activation(c)),
        list(e, rows, activation->row_length(), activation->first_capacity(rows), c.latents),
        update(e, c, coder) {
    fired = e.zeros(1, c.latents, DType::kU32);
    since = e.zeros(1, c.latents, DType::kU32);
    if (c.aux_k > 0) auxk.emplace(e, c, rows);
    centred = e.make(rows, c.d_in);
    if (const DType low = storage_type(c.precision); low != DType::kF32)
      centred_low = e.make(rows, c.d_in, low);
    error = e.make(rows, c.d_out);
    row_loss = e.make(1, rows);
    scalar = e.make(1, 1);
    column_mean = e.make(1, c.d_out);
    row_distance = e.make(1, rows);
  }

  double sum(const Tensor& values) {
    executor.run(Reduce{.rows = 1, .cols = values.cols}, {.a = values, .b = {}, .out = scalar});
    return executor.download_f32(scalar)[0];
  }

  void decode(const Tensor& target) {
    executor.run(SparseDecode{.rows = batch,
                              .latents = config.latents,
                              .d_out = config.d_out,
                              .k = list.codes.k,
                              .capacity = list.codes.capacity()},
                 {.values = list.codes.values,
                  .ids = list.codes.latents,
                  .row_offsets = list.codes.row_offsets,
                  .w_dec = coder.decoder(),
                  .bias = coder.b_dec,
                  .base = {},
                  .target = target,
                  .output = {},
                  .error = error,
                  .row_loss = row_loss});
  }

  /// Ages are fetched only where one may have come to the window: a device works on while it need not tell.
  std::vector<std::int32_t> dead_latents() {
    std::vector<std::int32_t> dead;
    if (oldest < config.dead_window) return dead;
    const auto ages = executor.download_u32(since);
    oldest = *std::max_element(ages.begin(), ages.end());
    for (std::size_t j = 0; j < ages.size(); ++j) {
      if (static_cast<std::int64_t>(ages[j]) >= config.dead_window)
        dead.push_back(static_cast<std::int32_t>(j));
    }
    return dead;
  }

  /// Whether there is a second list of codes in this step.
  bool run_auxk(const Tensor& input, const std::vector<std::int32_t>& dead, bool measure,
                StepResult& result) {
    if (!auxk || dead.empty()) return false;
    const double error_variance = sum(row_loss) / static_cast<double>(batch);
    if (!(error_variance > 0) || !std::isfinite(error_variance)) return false;
    const double weight = double{config.aux_coefficient} * target_variance / error_variance;
    result.aux_loss = auxk->run(executor, coder, input, error, dead, weight, measure);
    return true;
  }

  void measure_batch(const Tensor& target, StepResult& result) {
    const auto rows = static_cast<double>(batch);
    result.loss = sum(row_loss) / rows;
    executor.run(Reduce{.along = Reduce::Along::kColumns, .rows = batch, .cols = config.d_out},
                 {.a = target, .b = {}, .out = column_mean});
    executor.run(Elementwise{.kind = Elementwise::Kind::kCopy,
                             .rows = 1,
                             .cols = config.d_out,
                             .alpha = static_cast<float>(1.0 / rows)},
                 {.a = column_mean, .b = {}, .out = column_mean});
    executor.run(
        Reduce{.kind = Reduce::Kind::kSquaredDistance, .rows = batch, .cols = config.d_out, .b_rows = 1},
        {.a = target, .b = column_mean, .out = row_distance});
    result.variance = sum(row_distance) / rows;
  }

  double active_latents_a_row() {
    if (dense_codes != 0) return dense->l0();
    const auto active = executor.download_i32(list.begin.view().col_range(config.latents, 1))[0];
    return static_cast<double>(active) / static_cast<double>(batch);
  }

  void sparse_pass(const Tensor& target, float scale, float penalty) {
    list.match_codes(executor);
    decode(target);
    activation->backward(executor, coder, error, list, scale, penalty);
    list.sort_by_latent(executor, config.latents);
  }

  void dense_pass(const Tensor& input, const Tensor& x, const Tensor& target, float scale, float penalty) {
    if (!dense) dense.emplace(executor, config, batch);
    dense->run(coder, {.input = input, .x = x, .target = target, .error = error, .row_loss = row_loss}, scale,
               penalty, update.gradients());
  }
};

CoderStep::CoderStep(Executor& executor, const CoderConfig& config, CoderWeights weights, std::int64_t batch,
                     double target_variance) {
  validate(config);
  if (batch < 1) throw Error(ErrorCode::kInvalidArgument, "batch must be at least 1");
  if (find_recipe(config.recipe).learns_thresholds == weights.threshold.empty())
    throw Error(ErrorCode::kInvalidArgument, "recipe " + config.recipe + " begins with " +
                                                 (weights.threshold.empty() ? "" : "no ") + "thresholds");
  impl_ = std::make_unique<Impl>(executor, config, std::move(weights), batch, target_variance);
}

CoderStep::~CoderStep() = default;

StepResult CoderStep::run(const Tensor& x, const Tensor& target, const AdamStep& adam, float clip,
                          bool measure, float sparsity) {
  Impl& s = *impl_;
  StepResult result;
  const float scale = 2.0f / static_cast<float>(s.batch), penalty = sparsity / static_cast<float>(s.batch);
  const auto dead = s.dead_latents();
  refresh_decoder_norms(s.executor, s.coder);
  const Tensor input = centre(s.executor, s.config, s.coder, x, s.centred, s.centred_low);
  // Parameters see the f32 input even where the product reads its rounded form.
  const Tensor gradient_input = s.config.apply_b_dec_to_input ? s.centred.view() : x;
  if (s.dense_codes == 0) s.dense_codes = !s.activation->encode_batch(s.executor, s.coder, input, s.list);
  const bool dense = s.dense_codes != 0;
  if (dense) {
    s.dense_pass(input, gradient_input, target, scale, penalty);
  } else {
    s.sparse_pass(target, scale, penalty);
  }
  result.dense = dense;

  result.dead = static_cast<std::int64_t>(dead.size());
  const bool aux = s.run_auxk(input, dead, measure, result);
  s.activation->revive(s.executor, dead, scale);
  s.executor.run(FiringStats{s.batch, s.config.latents}, {.begin = dense ? Tensor{} : s.list.begin.view(),
                                                          .counts = dense ? s.dense->counts() : Tensor{},
                                                          .fired = s.fired,
                                                          .since = s.since});
  s.oldest += s.batch;
  if (measure) s.measure_batch(target, result);
  if (measure || s.penalised) result.l0 = s.active_latents_a_row();
  if (dense && result.l0 < DensePass::kSparseShare * static_cast<double>(s.config.latents)) s.dense_codes = 0;

  const UpdateInput batch{.x = gradient_input,
                          .error = s.error,
                          .scale = scale,
                          .aux = aux ? &*s.auxk : nullptr,
                          .threshold_gradient = s.activation->threshold_gradient()};
  if (dense) {
    s.update.apply(s.coder, batch, adam, clip);
  } else if (clip > 0) {
    s.update.add_codes(s.list, s.error, batch.x, scale, false);
    s.update.apply(s.coder, batch, adam, clip);
  } else {
    s.update.fused(s.coder, s.list, batch, adam);
  }
  return result;
}

std::vector<NamedTensor> CoderStep::state() const {
  const Impl& s = *impl_;
  std::vector<NamedTensor> list = {
      {"W_enc", s.coder.w_enc}, {"W_dec", s.coder.w_dec}, {"b_enc", s.coder.b_enc}, {"b_dec", s.coder.b_dec}};
  if (s.coder.threshold) list.push_back({"threshold", s.coder.threshold});
  for (NamedTensor& moment : s.update.state()) list.push_back(std::move(moment));
  list.push_back({"samples_since_fired", s.since});
  list.push_back({"fired", s.fired});
  return list;
}

std::vector<NamedNumber> CoderStep::numbers() {
  auto list = impl_->activation->numbers();
  list.push_back({"dense_codes", &impl_->dense_codes});
  return list;
}

void CoderStep::restored() {
  impl_->oldest = impl_->config.dead_window;
  refresh_decoder_norms(impl_->executor, impl_->coder);
  refresh_low_precision(impl_->executor, impl_->coder);
}

CoderWeights CoderStep::weights() {
  Impl& s = *impl_;
  refresh_decoder_norms(s.executor, s.coder);  // thresholds of norm-aware coders depend on them
  return {s.executor.download_f32(s.coder.w_enc), s.executor.download_f32(s.coder.w_dec),
          s.executor.download_f32(s.coder.b_enc), s.executor.download_f32(s.coder.b_dec),
          s.activation->thresholds(s.executor, s.coder)};
}

CoderWeights CoderStep::take_weights() {
  Executor& executor = impl_->executor;
  refresh_decoder_norms(executor, impl_->coder);
  CoderWeights weights;
  weights.threshold = impl_->activation->thresholds(executor, impl_->coder);
  CoderTensors coder = std::move(impl_->coder);
  impl_.reset();  // moments and scratch, most of the memory
  const auto take = [&](Array& array) {
    auto values = executor.download_f32(array);
    array = {};
    return values;
  };
  weights.w_enc = take(coder.w_enc);
  weights.w_dec = take(coder.w_dec);
  weights.b_enc = take(coder.b_enc);
  weights.b_dec = take(coder.b_dec);
  return weights;
}

const CoderConfig& CoderStep::config() const noexcept { return impl_->config; }
std::int64_t CoderStep::batch() const noexcept { return impl_->batch; }

}  // namespace polysem
