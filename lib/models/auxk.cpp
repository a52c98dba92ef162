#include "lib/models/auxk.hpp"

#include <algorithm>

#include "lib/models/activation.hpp"

namespace polysem {

AuxK::AuxK(Executor& executor, const CoderConfig& config, std::int64_t batch)
    : config_(config),
      list_(executor, batch, std::min(config.aux_k, config.latents),
            batch * std::min(config.aux_k, config.latents), config.latents) {
  candidates_ = executor.make(1, config.latents, DType::kI32);
  target_ = executor.make(batch, config.d_out);
  aux_error_ = executor.make(batch, config.d_out);
  row_loss_ = executor.make(1, batch);
  sum_ = executor.make(1, 1);
}

double AuxK::run(Executor& executor, const CoderTensors& coder, const Tensor& input, const Tensor& error,
                 std::span<const std::int32_t> dead, double weight, bool measure) {
  const std::int64_t rows = error.rows;
  const auto count = static_cast<std::int64_t>(dead.size());
  list_.set_row_length(std::min(config_.aux_k, count));
  const SparseCodes& codes = list_.codes;

  const Tensor candidates = candidates_.view().col_range(0, count);
  executor.upload(candidates, dead);
  executor.run(EncodeTopK{.rows = rows,
                          .d_in = config_.d_in,
                          .latents = config_.latents,
                          .k = codes.k,
                          .candidates = count,
                          .precision = config_.precision},
               {.x = input,
                .w_enc = coder.encoder(),
                .b_enc = coder.b_enc,
                .scale = coder.decoder_norms,
                .candidates = candidates,
                .values = codes.values,
                .ids = codes.latents,
                .nonfinite = {}});

  // The target is the error that is left, e = t - y; no bias, since b_dec is in y already.
  executor.run(
      Elementwise{.kind = Elementwise::Kind::kCopy, .rows = rows, .cols = config_.d_out, .alpha = -1.0f},
      {.a = error, .b = {}, .out = target_});
  executor.run(SparseDecode{.rows = rows,
                            .latents = config_.latents,
                            .d_out = config_.d_out,
                            .k = codes.k,
                            .capacity = codes.capacity()},
               {.values = codes.values,
                .ids = codes.latents,
                .row_offsets = {},
                .w_dec = coder.decoder(),
                .bias = {},
                .base = {},
                .target = target_,
                .output = {},
                .error = aux_error_,
                .row_loss = row_loss_});

  decoder_scale_ = static_cast<float>(2.0 * weight / static_cast<double>(rows));
  grad_values(executor, coder, aux_error_, list_, decoder_scale_, 0.0f);
  list_.sort_by_latent(executor, config_.latents);

  if (!measure) return 0.0;
  executor.run(Reduce{.rows = 1, .cols = rows}, {.a = row_loss_, .b = {}, .out = sum_});
  return double{executor.download_f32(sum_)[0]} / static_cast<double>(rows);
}

}  // namespace polysem
