#include <algorithm>
#include <cmath>

#include "polysem/feature_geometry.hpp"
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

struct Cosines {
  double mean_max = 0;           ///< mean over rows of the largest cosine to another row
  double largest = 0, mean = 0;  ///< of |cosine| over pairs
};

Cosines cosines_of(Executor& executor, const std::vector<float>& unit, std::int64_t rows, std::int64_t cols) {
  Cosines result;
  if (rows < 2) return result;
  const Array directions = executor.make_from(rows, cols, unit, MemoryUse::kRarelyWritten);
  const Array cosines = executor.make(std::min(kBlockRows, rows), rows);
  std::vector<float> host;
  const auto n = static_cast<double>(rows);
  for (std::int64_t first = 0; first < rows; first += kBlockRows) {
    const std::int64_t count = std::min(kBlockRows, rows - first);
    const Tensor block = cosines.view().row_range(0, count);
    executor.run(Gemm{.m = count, .n = rows, .k = cols, .transpose_b = true},
                 {.a = directions.view().row_range(first, count), .b = directions, .bias = {}, .c = block});
    host.resize(static_cast<std::size_t>(count * rows));
    executor.download(block, host);
    for (std::int64_t r = 0; r < count; ++r) {
      float* row = host.data() + r * rows;
      row[first + r] = 0.0f;  // not its own neighbour
      float lowest = 1.0f, highest = -1.0f, sum = 0.0f;
      for (std::int64_t c = 0; c < rows; ++c) {
        if (c == first + r) continue;
        lowest = std::min(lowest, row[c]), highest = std::max(highest, row[c]);
      }
      for (std::int64_t c = 0; c < rows; ++c) sum += std::abs(row[c]);
      result.mean_max += highest / n;
      result.largest = std::max({result.largest, double{highest}, -double{lowest}});
      result.mean += double{sum} / (n * (n - 1));
    }
  }
  return result;
}

/// |W_i|^2 and W_i^T (sum_j W_j W_j^T) W_i = sum_j (W_i . W_j)^2 of every row.
struct Overlaps {
  std::vector<float> squares, overlaps;
};

Overlaps overlaps_of(Executor& executor, const std::vector<float>& matrix, std::int64_t rows,
                     std::int64_t cols) {
  const Array w = executor.make_from(rows, cols, matrix, MemoryUse::kRarelyWritten);
  const Array moment = executor.make(cols, cols);
  executor.run(Gemm{.m = cols, .n = cols, .k = rows, .transpose_a = true},
               {.a = w, .b = w, .bias = {}, .c = moment});
  const std::int64_t block_rows = std::min(8 * kBlockRows, rows);
  const Array block = executor.make(block_rows, cols);
  const Array squares = executor.make(1, block_rows), overlaps = executor.make(1, block_rows);
  Overlaps result;
  for (std::int64_t first = 0; first < rows; first += block_rows) {
    const std::int64_t count = std::min(block_rows, rows - first);
    const Tensor part = w.view().row_range(first, count), moved = block.view().row_range(0, count);
    const Tensor square = squares.view().col_range(0, count);
    const Tensor overlap = overlaps.view().col_range(0, count);
    executor.run(Gemm{.m = count, .n = cols, .k = cols}, {.a = part, .b = moment, .bias = {}, .c = moved});
    executor.run(Reduce{.kind = Reduce::Kind::kSumSquares, .rows = count, .cols = cols},
                 {.a = part, .b = {}, .out = square});
    executor.run(Reduce{.kind = Reduce::Kind::kDot, .rows = count, .cols = cols, .b_rows = count},
                 {.a = part, .b = moved, .out = overlap});
    for (const auto& [tensor, list] : {std::pair{square, &result.squares}, {overlap, &result.overlaps}}) {
      const auto values = executor.download_f32(tensor);
      list->insert(list->end(), values.begin(), values.end());
    }
  }
  return result;
}

void add_dimensionality(const Overlaps& o, std::int64_t dims, GeometryResult& r) {
  double squared_norm = 0, potential = 0;
  r.min_dimensionality = 1;
  for (std::size_t i = 0; i < o.squares.size(); ++i) {
    const double square = o.squares[i], overlap = o.overlaps[i];
    // A product that is rounded may come out a little smaller than the square that it contains.
    const double own = overlap > 0 ? std::min(1.0, square * square / overlap) : 0.0;
    squared_norm += square, potential += overlap;
    r.capacity += own;
    r.min_dimensionality = std::min(r.min_dimensionality, own);
    r.max_dimensionality = std::max(r.max_dimensionality, own);
  }
  const auto count = static_cast<std::int64_t>(o.squares.size());
  r.mean_dimensionality = r.capacity / static_cast<double>(count);
  r.dims_per_feature = squared_norm > 0 ? static_cast<double>(dims) / squared_norm : 0.0;
  r.frame_potential_ratio =
      potential * static_cast<double>(std::min(count, dims)) / (squared_norm * squared_norm);
  r.welch_bound = welch_bound(count, dims);
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
  const Cosines decoder = cosines_of(executor, dec, config.latents, config.d_out);
  r.mean_max_decoder_cosine = decoder.mean_max;
  r.decoder_coherence = decoder.largest;
  r.mean_decoder_coherence = decoder.mean;
  r.mean_max_encoder_cosine = cosines_of(executor, enc, config.latents, config.d_in).mean_max;
  r.encoder_decoder_cosine =
      config.d_in == config.d_out ? mean_pair_cosine(enc, dec, config.latents) : std::nan("");
  add_dimensionality(overlaps_of(executor, weights.w_dec, config.latents, config.d_out), config.d_out, r);
  return r;
}

}  // namespace polysem
