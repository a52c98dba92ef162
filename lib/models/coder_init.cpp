#include "polysem/coder_init.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "polysem/error.hpp"
#include "polysem/random.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

// Rows of length 1 in uniformly random directions.
std::vector<float> random_directions(std::int64_t rows, std::int64_t dim, const Random& random) {
  std::vector<float> matrix(static_cast<std::size_t>(rows * dim));
  for (std::int64_t r = 0; r < rows; ++r) {
    float* row = matrix.data() + r * dim;
    double squares = 0;
    for (std::int64_t d = 0; d < dim; ++d) {
      row[d] = random.normal(static_cast<std::uint64_t>(r * dim + d));
      squares += double{row[d]} * row[d];
    }
    const double scale = squares > 0 ? 1.0 / std::sqrt(squares) : 0.0;
    for (std::int64_t d = 0; d < dim; ++d) row[d] = static_cast<float>(row[d] * scale);
  }
  return matrix;
}

}  // namespace

CoderWeights initial_weights(const CoderConfig& config, std::span<const float> targets, std::int64_t rows,
                             std::uint64_t seed) {
  validate(config);
  CoderWeights weights;
  weights.w_dec =
      random_directions(config.latents, config.d_out, Random(seed, RandomStream::kInitialisation, 0));
  weights.w_enc =
      config.d_in == config.d_out
          ? weights.w_dec
          : random_directions(config.latents, config.d_in, Random(seed, RandomStream::kInitialisation, 1));
  weights.b_enc.assign(static_cast<std::size_t>(config.latents), 0.0f);
  weights.b_dec = geometric_median(targets, rows, config.d_out);
  return weights;
}

void rescale_encoder(Executor& executor, const CoderConfig& config, CoderWeights& weights,
                     std::span<const float> x) {
  if (config.d_in != config.d_out)
    throw Error(ErrorCode::kInvalidArgument, "rescale_encoder: input and output must be of one width");
  const std::int64_t rows = static_cast<std::int64_t>(x.size()) / config.d_in;
  const Array input = executor.make_from(rows, config.d_in, x), output = executor.make(rows, config.d_out);
  CoderConfig selecting = config;
  // Thresholds come later: here every row keeps its k best.
  if (find_recipe(config.recipe).needs_threshold()) selecting.recipe = "topk";
  SparseCoder(executor, selecting, weights, rows).reconstruct(input, output);
  const auto y = executor.download_f32(output);
  double xy = 0, yy = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double b = weights.b_dec[i % weights.b_dec.size()];
    xy += (x[i] - b) * (y[i] - b);
    yy += (y[i] - b) * (y[i] - b);
  }
  if (!(xy > 0) || !(yy > 0)) return;  // nothing fired: there is no factor to learn from
  for (float& w : weights.w_enc) w = static_cast<float>(w * (xy / yy));
}

std::vector<float> initial_thresholds(Executor& executor, const CoderConfig& config,
                                      const CoderWeights& weights, std::span<const float> x) {
  constexpr std::int64_t kLatentsAtOnce = 256;
  const std::int64_t rows = static_cast<std::int64_t>(x.size()) / config.d_in;
  std::vector<float> centred(x.begin(), x.end());
  if (config.apply_b_dec_to_input)
    for (std::size_t i = 0; i < centred.size(); ++i) centred[i] -= weights.b_dec[i % weights.b_dec.size()];
  const double share = static_cast<double>(config.k) / static_cast<double>(config.latents);
  const auto above = static_cast<std::size_t>(
      std::clamp<std::int64_t>(std::llround(share * static_cast<double>(rows)), 1, rows - 1));

  const Array input = executor.make_from(rows, config.d_in, centred);
  std::vector<float> thresholds;
  for (std::int64_t first = 0; first < config.latents; first += kLatentsAtOnce) {
    const std::int64_t count = std::min(kLatentsAtOnce, config.latents - first);
    const Array w = executor.make_from(count, config.d_in,
                                       std::span(weights.w_enc)
                                           .subspan(static_cast<std::size_t>(first * config.d_in),
                                                    static_cast<std::size_t>(count * config.d_in)));
    const Array products = executor.make(count, rows);
    executor.run(Gemm{.m = count, .n = rows, .k = config.d_in, .transpose_b = true},
                 {.a = w, .b = input, .bias = {}, .c = products});
    auto h = executor.download_f32(products);
    for (std::int64_t j = 0; j < count; ++j) {
      const auto begin = h.begin() + j * rows, cut = begin + static_cast<std::ptrdiff_t>(above);
      std::nth_element(begin, cut, begin + rows, std::greater<>());
      thresholds.push_back(std::max(0.0f, *cut + weights.b_enc[static_cast<std::size_t>(first + j)]));
    }
  }
  return thresholds;
}

}  // namespace polysem
