#include "polysem/coder_init.hpp"

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

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
  CoderConfig selecting = config;  // thresholds come later: here every row keeps its k best
  selecting.recipe = "topk";
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

}  // namespace polysem
