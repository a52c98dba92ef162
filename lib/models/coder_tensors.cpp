#include "lib/models/coder_tensors.hpp"

#include "polysem/error.hpp"

namespace polysem {

namespace {

using Kind = Elementwise::Kind;

Array upload_weights(Executor& executor, const char* what, const std::vector<float>& values,
                     std::int64_t rows, std::int64_t cols) {
  if (static_cast<std::int64_t>(values.size()) != rows * cols)
    throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": expected " + std::to_string(rows) +
                                                 " x " + std::to_string(cols) + " values, found " +
                                                 std::to_string(values.size()));
  return executor.make_from(rows, cols, values);
}

void cast(Executor& executor, const Tensor& from, const Tensor& to) {
  executor.run(Elementwise{.kind = Kind::kCopy, .rows = from.rows, .cols = from.cols},
               {.a = from, .b = {}, .out = to});
}

}  // namespace

CoderTensors make_coder_tensors(Executor& executor, const CoderConfig& config, const CoderWeights& weights) {
  CoderTensors coder;
  coder.w_enc = upload_weights(executor, "W_enc", weights.w_enc, config.latents, config.d_in);
  coder.w_dec = upload_weights(executor, "W_dec", weights.w_dec, config.latents, config.d_out);
  coder.b_enc = upload_weights(executor, "b_enc", weights.b_enc, 1, config.latents);
  coder.b_dec = upload_weights(executor, "b_dec", weights.b_dec, 1, config.d_out);
  if (!weights.threshold.empty())
    coder.threshold = upload_weights(executor, "threshold", weights.threshold, 1, config.latents);
  if (config.decoder == DecoderConstraint::kNormAware) {
    coder.decoder_norms = executor.make(1, config.latents);
    refresh_decoder_norms(executor, coder);
  }
  if (const DType low = storage_type(config.precision); low != DType::kF32) {
    coder.w_enc_low = executor.make(config.latents, config.d_in, low);
    coder.w_dec_low = executor.make(config.latents, config.d_out, low);
    refresh_low_precision(executor, coder);
  }
  return coder;
}

void refresh_decoder_norms(Executor& executor, const CoderTensors& coder) {
  if (!coder.decoder_norms) return;
  const Tensor& w = coder.w_dec;
  const Tensor& norms = coder.decoder_norms;
  executor.run(Reduce{.kind = Reduce::Kind::kSumSquares, .rows = w.rows, .cols = w.cols},
               {.a = w, .b = {}, .out = norms});
  executor.run(Elementwise{.kind = Kind::kSqrt, .rows = 1, .cols = w.rows},
               {.a = norms, .b = {}, .out = norms});
}

void refresh_low_precision(Executor& executor, const CoderTensors& coder) {
  if (!coder.w_enc_low) return;
  cast(executor, coder.w_enc, coder.w_enc_low);
  cast(executor, coder.w_dec, coder.w_dec_low);
}

Tensor centre(Executor& executor, const CoderConfig& config, const CoderTensors& coder, const Tensor& x,
              const Array& centred, const Array& low) {
  Tensor input = x;
  if (config.apply_b_dec_to_input) {
    input = centred.view().row_range(0, x.rows);
    executor.run(Elementwise{.kind = Kind::kAxpby,
                             .rows = x.rows,
                             .cols = x.cols,
                             .b_rows = 1,
                             .b_cols = x.cols,
                             .alpha = 1.0f,
                             .beta = -1.0f},
                 {.a = x, .b = coder.b_dec, .out = input});
  }
  if (!low) return input;
  const Tensor rounded = low.view().row_range(0, x.rows);
  cast(executor, input, rounded);
  return rounded;
}

}  // namespace polysem
