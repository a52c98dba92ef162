#include "lib/models/dense_pass.hpp"

#include <algorithm>
#include <numeric>

namespace polysem {

namespace {

using Kind = Elementwise::Kind;
}  // namespace

DensePass::DensePass(Executor& executor, const CoderConfig& config, std::int64_t batch,
                     std::int64_t chunk_bytes)
    : executor_(&executor),
      config_(config),
      batch_(batch),
      chunk_(std::clamp<std::int64_t>(chunk_bytes / (4 * config.latents), 1, batch)),
      codes_(executor.make(chunk_, config.latents)),
      gradient_(executor.make(chunk_, config.latents)),
      counts_(executor.make(1, config.latents)) {}

void DensePass::run(const CoderTensors& coder, const Batch& batch, float scale, float penalty,
                    const LatentGradients& gradients) {
  for (std::int64_t first = 0; first < batch_; first += chunk_) {
    const std::int64_t rows = std::min(chunk_, batch_ - first);
    run_chunk(coder,
              {.input = batch.input.row_range(first, rows),
               .x = batch.x.row_range(first, rows),
               .target = batch.target.row_range(first, rows),
               .error = batch.error.row_range(first, rows),
               .row_loss = batch.row_loss.col_range(first, rows)},
              first == 0, scale, penalty, gradients);
  }
}

void DensePass::run_chunk(const CoderTensors& coder, const Batch& chunk, bool first, float scale,
                          float penalty, const LatentGradients& gradients) {
  Executor& e = *executor_;
  const std::int64_t rows = chunk.input.rows, n = config_.latents, d_in = config_.d_in, d_out = config_.d_out;
  const Precision precision = config_.precision;
  const Tensor codes = codes_.view().row_range(0, rows), gradient = gradient_.view().row_range(0, rows);
  const float keep = first ? 0.0f : 1.0f;

  e.run(Gemm{.m = rows, .n = n, .k = d_in, .transpose_b = true, .relu = true, .precision = precision},
        {.a = chunk.input, .b = coder.encoder(), .bias = coder.b_enc, .c = codes});
  e.run(Elementwise{.kind = Kind::kCopy, .rows = rows, .cols = d_out, .alpha = -1.0f},
        {.a = chunk.target, .b = {}, .out = chunk.error});
  e.run(Gemm{.m = rows, .n = d_out, .k = n, .beta = 1.0f, .precision = precision},
        {.a = codes, .b = coder.decoder(), .bias = coder.b_dec, .c = chunk.error});
  e.run(Reduce{.kind = Reduce::Kind::kSumSquares, .rows = rows, .cols = d_out},
        {.a = chunk.error, .b = {}, .out = chunk.row_loss});

  e.run(Gemm{.m = rows, .n = n, .k = d_out, .transpose_b = true, .alpha = scale, .precision = precision},
        {.a = chunk.error, .b = coder.decoder(), .bias = {}, .c = gradient});
  const Elementwise gate{.kind = Kind::kGate, .rows = rows, .cols = n, .b_rows = rows, .b_cols = n};
  Elementwise through = gate, ones = gate;
  through.beta = penalty;
  e.run(through, {.a = gradient, .b = codes, .out = gradient});
  e.run(Gemm{.m = n,
             .n = d_out,
             .k = rows,
             .transpose_a = true,
             .alpha = scale,
             .beta = keep,
             .precision = precision},
        {.a = codes, .b = chunk.error, .bias = {}, .c = gradients.dec});
  e.run(Gemm{.m = n, .n = d_in, .k = rows, .transpose_a = true, .beta = keep, .precision = precision},
        {.a = gradient, .b = chunk.x, .bias = {}, .c = gradients.enc});
  const Reduce columns{.along = Reduce::Along::kColumns, .rows = rows, .cols = n, .accumulate = !first};
  e.run(columns, {.a = gradient, .b = {}, .out = gradients.bias});
  ones.alpha = 0.0f, ones.beta = 1.0f;
  e.run(ones, {.a = codes, .b = codes, .out = gradient});
  e.run(columns, {.a = gradient, .b = {}, .out = counts_});
}

double DensePass::l0() {
  const auto counts = executor_->download_f32(counts_);
  return std::accumulate(counts.begin(), counts.end(), 0.0) / static_cast<double>(batch_);
}

}  // namespace polysem
