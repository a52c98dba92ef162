#include "lib/models/coder_update.hpp"

#include <cmath>

#include "lib/models/coder_tensors.hpp"

namespace polysem {

namespace {

using Kind = Elementwise::Kind;

constexpr float kThresholdRate = 0.2f;

Moments make_moments(Executor& executor, const Array& like) {
  return {executor.zeros(like.rows(), like.cols()), executor.zeros(like.rows(), like.cols())};
}

}  // namespace

CoderUpdate::CoderUpdate(Executor& executor, const CoderConfig& config, const CoderTensors& coder)
    : executor_(&executor), config_(config) {
  enc_ = make_moments(executor, coder.w_enc);
  dec_ = make_moments(executor, coder.w_dec);
  b_enc_ = make_moments(executor, coder.b_enc);
  b_dec_ = make_moments(executor, coder.b_dec);
  if (coder.threshold) threshold_ = make_moments(executor, coder.threshold);
  input_gradient_ = executor.make(1, config.d_in);
  b_dec_gradient_ = executor.make(1, config.d_out);
  scalar_ = executor.make(1, 1);
}

void CoderUpdate::fused(CoderTensors& coder, const CodeList& list, const UpdateInput& input,
                        const AdamStep& adam) {
  LatentUpdate op{.rows = input.x.rows,
                  .latents = config_.latents,
                  .d_in = config_.d_in,
                  .d_out = config_.d_out,
                  .capacity = list.codes.capacity(),
                  .aux_capacity = input.aux ? input.aux->list().codes.capacity() : 0,
                  .decoder_scale = input.scale,
                  .aux_decoder_scale = input.aux ? input.aux->decoder_scale() : 0.0f,
                  .unit_norm = config_.decoder == DecoderConstraint::kUnitNorm,
                  .adam = adam};
  LatentUpdate::Operands o{};
  o.begin = list.begin, o.entries = list.entries_view(), o.entry_rows = list.entry_rows_view();
  o.values = list.codes.values, o.gradient = list.gradient_view(), o.error = input.error, o.x = input.x;
  if (input.aux) {
    const CodeList& a = input.aux->list();
    o.aux_begin = a.begin, o.aux_entries = a.entries_view(), o.aux_entry_rows = a.entry_rows_view();
    o.aux_values = a.codes.values, o.aux_gradient = a.gradient_view(), o.aux_error = input.aux->error();
  }
  o.w_enc = coder.w_enc, o.w_dec = coder.w_dec, o.b_enc = coder.b_enc;
  o.m_enc = enc_.m, o.v_enc = enc_.v, o.m_dec = dec_.m, o.v_dec = dec_.v, o.m_b = b_enc_.m, o.v_b = b_enc_.v;
  if (config_.apply_b_dec_to_input) o.input_gradient = input_gradient_;
  o.w_enc_low = coder.w_enc_low, o.w_dec_low = coder.w_dec_low;
  executor_->run(op, o);
  b_dec_gradients(input);
  step(b_dec_gradient_, coder.b_dec, b_dec_, adam, 1.0f);
  step_thresholds(coder, input, adam, 1.0f);
}

const LatentGradients& CoderUpdate::gradients() {
  if (!gradients_.enc) {
    gradients_.enc = executor_->make(config_.latents, config_.d_in);
    gradients_.dec = executor_->make(config_.latents, config_.d_out);
    gradients_.bias = executor_->make(1, config_.latents);
  }
  return gradients_;
}

void CoderUpdate::add_codes(const CodeList& list, const Tensor& error, const Tensor& x, float decoder_scale,
                            bool accumulate) {
  const LatentGradients& g = gradients();
  executor_->run(LatentGrad{.rows = x.rows,
                            .latents = config_.latents,
                            .d_in = config_.d_in,
                            .d_out = config_.d_out,
                            .capacity = list.codes.capacity(),
                            .decoder_scale = decoder_scale,
                            .accumulate = accumulate},
                 {.begin = list.begin,
                  .entries = list.entries_view(),
                  .entry_rows = list.entry_rows_view(),
                  .values = list.codes.values,
                  .gradient = list.gradient_view(),
                  .error = error,
                  .x = x,
                  .g_enc = g.enc,
                  .g_dec = g.dec,
                  .g_b = g.bias});
}

void CoderUpdate::apply(CoderTensors& coder, const UpdateInput& input, const AdamStep& adam, float clip) {
  const LatentGradients& g = gradients();
  if (input.aux) add_codes(input.aux->list(), input.aux->error(), input.x, input.aux->decoder_scale(), true);
  const bool unit_norm = config_.decoder == DecoderConstraint::kUnitNorm;
  if (unit_norm)
    executor_->run(ProjectRows{config_.latents, config_.d_out},
                   {.direction = coder.w_dec, .gradient = g.dec});
  if (config_.apply_b_dec_to_input)
    executor_->run(Gemm{.m = 1, .n = config_.d_in, .k = config_.latents},
                   {.a = g.bias, .b = coder.w_enc, .bias = {}, .c = input_gradient_});
  b_dec_gradients(input);

  float scale = 1.0f;
  if (clip > 0) {
    double squares = squared_length(g.enc) + squared_length(g.dec) + squared_length(g.bias) +
                     squared_length(b_dec_gradient_);
    if (input.threshold_gradient) squares += squared_length(input.threshold_gradient);
    const double length = std::sqrt(squares);
    if (length > clip) scale = static_cast<float>(clip / length);
  }
  step(g.enc, coder.w_enc, enc_, adam, scale);
  step(g.dec, coder.w_dec, dec_, adam, scale);
  step(g.bias, coder.b_enc, b_enc_, adam, scale);
  step(b_dec_gradient_, coder.b_dec, b_dec_, adam, scale);
  step_thresholds(coder, input, adam, scale);
  if (unit_norm) executor_->run(NormalizeRows{config_.latents, config_.d_out}, {.matrix = coder.w_dec});
  refresh_low_precision(*executor_, coder);
}

/// d loss / d b_dec: through the decoder it is the summed error, through the encoder's input the negative of
/// what reached the encoder's bias, seen through W_enc.
void CoderUpdate::b_dec_gradients(const UpdateInput& input) {
  executor_->run(Reduce{.along = Reduce::Along::kColumns, .rows = input.error.rows, .cols = config_.d_out},
                 {.a = input.error, .b = {}, .out = b_dec_gradient_});
  const bool both = config_.apply_b_dec_to_input;
  executor_->run(
      Elementwise{.kind = both ? Kind::kAxpby : Kind::kCopy,
                  .rows = 1,
                  .cols = config_.d_out,
                  .b_rows = both ? 1 : 0,
                  .b_cols = both ? config_.d_out : 0,
                  .alpha = input.scale,
                  .beta = both ? -1.0f : 0.0f},
      {.a = b_dec_gradient_, .b = both ? input_gradient_.view() : Tensor{}, .out = b_dec_gradient_});
}

void CoderUpdate::step(const Tensor& gradient, const Array& parameter, const Moments& moments,
                       const AdamStep& adam, float grad_scale) {
  executor_->run(
      AdamUpdate{.rows = parameter.rows(), .cols = parameter.cols(), .grad_scale = grad_scale, .adam = adam},
      {.gradient = gradient, .parameter = parameter, .m = moments.m, .v = moments.v});
}

/// Thresholds are of the size of pre-activations, elements of W_enc sqrt(d_in) times smaller: their steps are
/// larger by so much, but for a factor that was tuned on real activations. They
/// stay at or above 0, where the ReLU is (as in SAELens from 6.48 on).
void CoderUpdate::step_thresholds(const CoderTensors& coder, const UpdateInput& input, const AdamStep& adam,
                                  float grad_scale) {
  if (!input.threshold_gradient) return;
  AdamStep larger = adam;
  larger.rate *= kThresholdRate * std::sqrt(static_cast<float>(config_.d_in));
  step(input.threshold_gradient, coder.threshold, threshold_, larger, grad_scale);
  executor_->run(Elementwise{.kind = Kind::kRelu, .rows = 1, .cols = config_.latents},
                 {.a = coder.threshold, .b = {}, .out = coder.threshold});
}

double CoderUpdate::squared_length(const Tensor& gradient) {
  const Tensor flat = gradient.reshaped(1, gradient.elements());
  executor_->run(Reduce{.kind = Reduce::Kind::kSumSquares, .rows = 1, .cols = flat.cols},
                 {.a = flat, .b = {}, .out = scalar_});
  return executor_->download_f32(scalar_)[0];
}

std::vector<NamedTensor> CoderUpdate::state() const {
  std::vector<NamedTensor> list;
  const auto add = [&](const std::string& name, const Moments& moments) {
    list.push_back({"adam.m." + name, moments.m});
    list.push_back({"adam.v." + name, moments.v});
  };
  add("W_enc", enc_), add("W_dec", dec_), add("b_enc", b_enc_), add("b_dec", b_dec_);
  if (threshold_.m) add("threshold", threshold_);
  return list;
}

}  // namespace polysem
