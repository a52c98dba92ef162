#include "polysem/coder_step.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "lib/models/auxk.hpp"
#include "lib/models/code_list.hpp"
#include "lib/models/coder_tensors.hpp"
#include "polysem/error.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

using Kind = Elementwise::Kind;

struct Moments {
  Array m, v;
  static Moments make(Executor& executor, const Array& like) {
    return {executor.zeros(like.rows(), like.cols()), executor.zeros(like.rows(), like.cols())};
  }
};

}  // namespace

struct CoderStep::Impl {
  Executor& executor;
  CoderConfig config;
  std::int64_t batch;
  double target_variance;
  CoderTensors coder;
  std::unique_ptr<Activation> activation;
  Moments enc, dec, b_enc, b_dec;
  Array fired, since;
  CodeList list;
  std::optional<AuxK> auxk;
  Array centred, centred_low, error, row_loss, scalar;
  Array input_gradient, b_dec_gradient, column_mean, row_distance;
  Array g_enc, g_dec, g_b;  // only where clipping needs whole gradients

  Impl(Executor& e, const CoderConfig& c, const CoderWeights& weights, std::int64_t rows, double variance)
      : executor(e), config(c), batch(rows), target_variance(variance) {
    coder = make_coder_tensors(e, c, weights);
    activation = find_recipe(c.recipe).make_activation(c);
    enc = Moments::make(e, coder.w_enc);
    dec = Moments::make(e, coder.w_dec);
    b_enc = Moments::make(e, coder.b_enc);
    b_dec = Moments::make(e, coder.b_dec);
    fired = e.zeros(1, c.latents, DType::kU32);
    since = e.zeros(1, c.latents, DType::kU32);
    list = CodeList::make(e, rows, activation->row_length(), activation->capacity(rows), c.latents);
    if (c.aux_k > 0) auxk.emplace(e, c, rows);
    centred = e.make(rows, c.d_in);
    if (c.precision == Precision::kBF16) centred_low = e.make(rows, c.d_in, DType::kBF16);
    error = e.make(rows, c.d_out);
    row_loss = e.make(1, rows);
    scalar = e.make(1, 1);
    input_gradient = e.make(1, c.d_in);
    b_dec_gradient = e.make(1, c.d_out);
    column_mean = e.make(1, c.d_out);
    row_distance = e.make(1, rows);
  }

  double sum(const Tensor& values, Reduce::Kind kind = Reduce::Kind::kSum) {
    executor.run(Reduce{.kind = kind, .rows = 1, .cols = values.cols}, {.a = values, .b = {}, .out = scalar});
    return executor.download_f32(scalar)[0];
  }

  Tensor forward(const Tensor& x, const Tensor& target) {
    refresh_decoder_norms(executor, coder);
    const Tensor input = centre(executor, config, coder, x, centred, centred_low);
    activation->encode(executor, coder, input, list.codes);
    executor.run(SparseDecode{.rows = batch,
                              .latents = config.latents,
                              .d_out = config.d_out,
                              .k = list.codes.k,
                              .capacity = list.codes.capacity()},
                 {.values = list.codes.values,
                  .ids = list.codes.latents,
                  .row_offsets = list.codes.row_offsets,
                  .w_dec = coder.w_dec_low ? coder.w_dec_low : coder.w_dec,
                  .bias = coder.b_dec,
                  .base = {},
                  .target = target,
                  .output = {},
                  .error = error,
                  .row_loss = row_loss});
    return input;
  }

  std::vector<std::int32_t> dead_latents() {
    const auto ages = executor.download_u32(since);
    std::vector<std::int32_t> dead;
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

  void fused_update(const Tensor& x, bool aux, float decoder_scale, const AdamStep& adam) {
    LatentUpdate op{.rows = batch,
                    .latents = config.latents,
                    .d_in = config.d_in,
                    .d_out = config.d_out,
                    .capacity = list.codes.capacity(),
                    .aux_capacity = aux ? auxk->list().codes.capacity() : 0,
                    .decoder_scale = decoder_scale,
                    .aux_decoder_scale = aux ? auxk->decoder_scale() : 0.0f,
                    .unit_norm = config.decoder == DecoderConstraint::kUnitNorm,
                    .adam = adam};
    LatentUpdate::Operands o;
    o.begin = list.begin, o.entries = list.entries_view(), o.entry_rows = list.entry_rows_view();
    o.values = list.codes.values, o.gradient = list.gradient_view(), o.error = error, o.x = x;
    if (aux) {
      const CodeList& a = auxk->list();
      o.aux_begin = a.begin, o.aux_entries = a.entries_view(), o.aux_entry_rows = a.entry_rows_view();
      o.aux_values = a.codes.values, o.aux_gradient = a.gradient_view(), o.aux_error = auxk->error();
    }
    o.w_enc = coder.w_enc, o.w_dec = coder.w_dec, o.b_enc = coder.b_enc;
    o.m_enc = enc.m, o.v_enc = enc.v, o.m_dec = dec.m, o.v_dec = dec.v, o.m_b = b_enc.m, o.v_b = b_enc.v;
    if (config.apply_b_dec_to_input) o.input_gradient = input_gradient;
    o.w_enc_low = coder.w_enc_low, o.w_dec_low = coder.w_dec_low;
    executor.run(op, o);
  }

  void latent_gradients(const CodeList& from, const Tensor& from_error, const Tensor& x, float decoder_scale,
                        bool accumulate) {
    executor.run(LatentGrad{.rows = batch,
                            .latents = config.latents,
                            .d_in = config.d_in,
                            .d_out = config.d_out,
                            .capacity = from.codes.capacity(),
                            .decoder_scale = decoder_scale,
                            .accumulate = accumulate},
                 {.begin = from.begin,
                  .entries = from.entries_view(),
                  .entry_rows = from.entry_rows_view(),
                  .values = from.codes.values,
                  .gradient = from.gradient_view(),
                  .error = from_error,
                  .x = x,
                  .g_enc = g_enc,
                  .g_dec = g_dec,
                  .g_b = g_b});
  }

  void adam_update(const Array& gradient, const Array& parameter, const Moments& moments,
                   const AdamStep& adam, float grad_scale) {
    executor.run(
        AdamUpdate{
            .rows = parameter.rows(), .cols = parameter.cols(), .grad_scale = grad_scale, .adam = adam},
        {.gradient = gradient, .parameter = parameter, .m = moments.m, .v = moments.v});
  }

  double squared_length(const Array& gradient) {
    return sum(gradient.view().reshaped(1, gradient.rows() * gradient.cols()), Reduce::Kind::kSumSquares);
  }

  /// d loss / d b_dec: through the decoder it is the summed error, through the encoder's input the negative
  /// of what reached the encoder's bias, seen through W_enc.
  void b_dec_gradients(float decoder_scale) {
    executor.run(Reduce{.along = Reduce::Along::kColumns, .rows = batch, .cols = config.d_out},
                 {.a = error, .b = {}, .out = b_dec_gradient});
    const bool both = config.apply_b_dec_to_input;
    executor.run(Elementwise{.kind = both ? Kind::kAxpby : Kind::kCopy,
                             .rows = 1,
                             .cols = config.d_out,
                             .b_rows = both ? 1 : 0,
                             .b_cols = both ? config.d_out : 0,
                             .alpha = decoder_scale,
                             .beta = both ? -1.0f : 0.0f},
                 {.a = b_dec_gradient, .b = both ? input_gradient.view() : Tensor{}, .out = b_dec_gradient});
  }

  void clipped_update(const Tensor& x, bool aux, float decoder_scale, const AdamStep& adam, float clip) {
    if (!g_enc) {
      g_enc = executor.make(config.latents, config.d_in);
      g_dec = executor.make(config.latents, config.d_out);
      g_b = executor.make(1, config.latents);
    }
    latent_gradients(list, error, x, decoder_scale, false);
    if (aux) latent_gradients(auxk->list(), auxk->error(), x, auxk->decoder_scale(), true);
    const bool unit_norm = config.decoder == DecoderConstraint::kUnitNorm;
    if (unit_norm)
      executor.run(ProjectRows{config.latents, config.d_out}, {.direction = coder.w_dec, .gradient = g_dec});
    if (config.apply_b_dec_to_input)
      executor.run(Gemm{.m = 1, .n = config.d_in, .k = config.latents},
                   {.a = g_b, .b = coder.w_enc, .bias = {}, .c = input_gradient});
    b_dec_gradients(decoder_scale);

    const double length = std::sqrt(squared_length(g_enc) + squared_length(g_dec) + squared_length(g_b) +
                                    squared_length(b_dec_gradient));
    const float scale = length > clip ? static_cast<float>(clip / length) : 1.0f;
    adam_update(g_enc, coder.w_enc, enc, adam, scale);
    adam_update(g_dec, coder.w_dec, dec, adam, scale);
    adam_update(g_b, coder.b_enc, b_enc, adam, scale);
    adam_update(b_dec_gradient, coder.b_dec, b_dec, adam, scale);
    if (unit_norm) executor.run(NormalizeRows{config.latents, config.d_out}, {.matrix = coder.w_dec});
    refresh_low_precision(executor, coder);
  }

  void measure_batch(const Tensor& target, StepResult& result) {
    const auto rows = static_cast<double>(batch);
    result.loss = sum(row_loss) / rows;
    executor.run(Reduce{.along = Reduce::Along::kColumns, .rows = batch, .cols = config.d_out},
                 {.a = target, .b = {}, .out = column_mean});
    executor.run(
        Elementwise{
            .kind = Kind::kCopy, .rows = 1, .cols = config.d_out, .alpha = static_cast<float>(1.0 / rows)},
        {.a = column_mean, .b = {}, .out = column_mean});
    executor.run(
        Reduce{.kind = Reduce::Kind::kSquaredDistance, .rows = batch, .cols = config.d_out, .b_rows = 1},
        {.a = target, .b = column_mean, .out = row_distance});
    result.variance = sum(row_distance) / rows;
    const auto active = executor.download_i32(list.begin.view().col_range(config.latents, 1))[0];
    result.l0 = static_cast<double>(active) / rows;
  }
};

CoderStep::CoderStep(Executor& executor, const CoderConfig& config, const CoderWeights& weights,
                     std::int64_t batch, double target_variance) {
  validate(config);
  if (batch < 1) throw Error(ErrorCode::kInvalidArgument, "batch must be at least 1");
  impl_ = std::make_unique<Impl>(executor, config, weights, batch, target_variance);
}

CoderStep::~CoderStep() = default;

StepResult CoderStep::run(const Tensor& x, const Tensor& target, const AdamStep& adam, float clip,
                          bool measure) {
  Impl& s = *impl_;
  StepResult result;
  const Tensor input = s.forward(x, target);
  // Parameters see the f32 input even where the product reads its rounded form.
  const Tensor gradient_input = s.config.apply_b_dec_to_input ? s.centred.view() : x;
  const float scale = 2.0f / static_cast<float>(s.batch);
  s.activation->backward(s.executor, s.coder, s.error, s.list.codes, scale, s.list.gradient_view());
  s.list.sort_by_latent(s.executor, s.config.latents);

  const auto dead = s.dead_latents();
  result.dead = static_cast<std::int64_t>(dead.size());
  const bool aux = s.run_auxk(input, dead, measure, result);
  s.executor.run(FiringStats{s.batch, s.config.latents},
                 {.begin = s.list.begin, .counts = {}, .fired = s.fired, .since = s.since});
  if (measure) s.measure_batch(target, result);

  if (clip > 0) {
    s.clipped_update(gradient_input, aux, scale, adam, clip);
  } else {
    s.fused_update(gradient_input, aux, scale, adam);
    s.b_dec_gradients(scale);
    s.adam_update(s.b_dec_gradient, s.coder.b_dec, s.b_dec, adam, 1.0f);
  }
  return result;
}

std::vector<NamedTensor> CoderStep::state() const {
  const Impl& s = *impl_;
  return {{"W_enc", s.coder.w_enc},         {"W_dec", s.coder.w_dec},    {"b_enc", s.coder.b_enc},
          {"b_dec", s.coder.b_dec},         {"adam.m.W_enc", s.enc.m},   {"adam.v.W_enc", s.enc.v},
          {"adam.m.W_dec", s.dec.m},        {"adam.v.W_dec", s.dec.v},   {"adam.m.b_enc", s.b_enc.m},
          {"adam.v.b_enc", s.b_enc.v},      {"adam.m.b_dec", s.b_dec.m}, {"adam.v.b_dec", s.b_dec.v},
          {"samples_since_fired", s.since}, {"fired", s.fired}};
}

void CoderStep::restored() {
  refresh_decoder_norms(impl_->executor, impl_->coder);
  refresh_low_precision(impl_->executor, impl_->coder);
}

CoderWeights CoderStep::weights() {
  Impl& s = *impl_;
  return {s.executor.download_f32(s.coder.w_enc), s.executor.download_f32(s.coder.w_dec),
          s.executor.download_f32(s.coder.b_enc), s.executor.download_f32(s.coder.b_dec)};
}

const CoderConfig& CoderStep::config() const noexcept { return impl_->config; }
std::int64_t CoderStep::batch() const noexcept { return impl_->batch; }

}  // namespace polysem
