#include <algorithm>
#include <cmath>

#include "polysem/metrics_geometry.hpp"

namespace polysem {

namespace {

constexpr std::int64_t kBlockRows = 512;

std::vector<float> unit_rows(const std::vector<float>& matrix, std::int64_t rows, std::int64_t cols) {
  std::vector<float> unit(matrix);
  for (std::int64_t r = 0; r < rows; ++r) {
    float* row = unit.data() + r * cols;
    double squares = 0;
    for (std::int64_t c = 0; c < cols; ++c) squares += double{row[c]} * row[c];
    const double scale = squares > 0 ? 1.0 / std::sqrt(squares) : 0.0;
    for (std::int64_t c = 0; c < cols; ++c) row[c] = static_cast<float>(row[c] * scale);
  }
  return unit;
}

double mean_max_cosine(Executor& executor, const std::vector<float>& unit, std::int64_t rows,
                       std::int64_t cols) {
  if (rows < 2) return 0;
  const Array directions = executor.make_from(rows, cols, unit, MemoryUse::kRarelyWritten);
  const Array cosines = executor.make(std::min(kBlockRows, rows), rows);
  std::vector<float> host;
  double total = 0;
  for (std::int64_t first = 0; first < rows; first += kBlockRows) {
    const std::int64_t count = std::min(kBlockRows, rows - first);
    const Tensor block = cosines.view().row_range(0, count);
    executor.run(Gemm{.m = count, .n = rows, .k = cols, .transpose_b = true},
                 {.a = directions.view().row_range(first, count), .b = directions, .bias = {}, .c = block});
    host.resize(static_cast<std::size_t>(count * rows));
    executor.download(block, host);
    for (std::int64_t r = 0; r < count; ++r) {
      float* row = host.data() + r * rows;
      row[first + r] = -1.0f;  // not its own neighbour
      total += *std::max_element(row, row + rows);
    }
  }
  return total / static_cast<double>(rows);
}

double mean_pair_cosine(const std::vector<float>& a, const std::vector<float>& b, std::int64_t rows) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += double{a[i]} * b[i];
  return total / static_cast<double>(rows);
}

}  // namespace

GeometryResult coder_geometry(Executor& executor, const CoderConfig& config, const CoderWeights& weights) {
  const auto enc = unit_rows(weights.w_enc, config.latents, config.d_in);
  const auto dec = unit_rows(weights.w_dec, config.latents, config.d_out);
  GeometryResult r;
  r.mean_max_decoder_cosine = mean_max_cosine(executor, dec, config.latents, config.d_out);
  r.mean_max_encoder_cosine = mean_max_cosine(executor, enc, config.latents, config.d_in);
  r.encoder_decoder_cosine =
      config.d_in == config.d_out ? mean_pair_cosine(enc, dec, config.latents) : std::nan("");
  return r;
}

}  // namespace polysem
