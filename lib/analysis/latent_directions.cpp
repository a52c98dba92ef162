#include "polysem/latent_directions.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "polysem/error.hpp"

namespace polysem {
namespace {

/// Rows of the large matrix in one product: bounds what is on the device and what comes back at once.
constexpr std::int64_t kBlockRows = 4096;
constexpr std::int64_t kBlockQueries = 256;

std::int64_t rows_of(std::span<const float> matrix, std::int64_t dim, const char* what) {
  if (dim < 1 || matrix.empty() || matrix.size() % static_cast<std::size_t>(dim) != 0) {
    throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": " + std::to_string(matrix.size()) +
                                                 " numbers are not rows of " + std::to_string(dim));
  }
  return static_cast<std::int64_t>(matrix.size()) / dim;
}

void check_latents(std::span<const std::int64_t> latents, std::int64_t n) {
  for (const std::int64_t latent : latents) {
    if (latent < 0 || latent >= n) {
      throw Error(ErrorCode::kInvalidArgument,
                  "latent " + std::to_string(latent) + " is outside of 0 .. " + std::to_string(n - 1));
    }
  }
}

/// The best `count` of values that arrive in ascending order of their index.
class Ranking {
 public:
  explicit Ranking(std::int64_t count) : count_(static_cast<std::size_t>(std::max(count, std::int64_t{0}))) {}

  void add(std::int64_t index, float value) {
    if (!std::isfinite(value) || count_ == 0) return;
    if (best_.size() == count_ && !(value > best_.back().value)) return;
    const auto place = std::upper_bound(best_.begin(), best_.end(), value,
                                        [](float v, const Ranked& other) { return v > other.value; });
    best_.insert(place, {index, value});
    if (best_.size() > count_) best_.pop_back();
  }
  std::vector<Ranked>& best() noexcept { return best_; }

 private:
  std::size_t count_;
  std::vector<Ranked> best_;
};

/// Calls visit(query, row, product) for queries [q, dim] x matrix [n, dim]^T, rows ascending for each query.
template <class Visit>
void for_each_product(Executor& executor, std::span<const float> queries, std::span<const float> matrix,
                      std::int64_t dim, Visit&& visit) {
  const auto width = static_cast<std::size_t>(dim);
  const auto n = static_cast<std::int64_t>(matrix.size() / width);
  const auto q = static_cast<std::int64_t>(queries.size() / width);
  for (std::int64_t first = 0; first < n; first += kBlockRows) {
    const std::int64_t rows = std::min(kBlockRows, n - first);
    const Array block = executor.make_from(
        rows, dim,
        matrix.subspan(static_cast<std::size_t>(first) * width, static_cast<std::size_t>(rows) * width));
    for (std::int64_t start = 0; start < q; start += kBlockQueries) {
      const std::int64_t count = std::min(kBlockQueries, q - start);
      const Array left = executor.make_from(
          count, dim,
          queries.subspan(static_cast<std::size_t>(start) * width, static_cast<std::size_t>(count) * width));
      const Array out = executor.make(count, rows);
      executor.run(Gemm{.m = count, .n = rows, .k = dim, .transpose_b = true},
                   {.a = left, .b = block, .bias = {}, .c = out});
      const std::vector<float> products = executor.download_f32(out);
      for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t j = 0; j < rows; ++j) {
          visit(start + i, first + j, products[static_cast<std::size_t>(i * rows + j)]);
        }
      }
    }
  }
}

void normalise(std::span<float> row) {
  double squares = 0.0;
  for (const float x : row) squares += static_cast<double>(x) * static_cast<double>(x);
  const double scale = squares > 0 ? 1.0 / std::sqrt(squares) : 0.0;
  for (float& x : row) x = static_cast<float>(static_cast<double>(x) * scale);
}

std::vector<float> gather(std::span<const float> matrix, std::int64_t dim,
                          std::span<const std::int64_t> rows) {
  std::vector<float> result;
  result.reserve(rows.size() * static_cast<std::size_t>(dim));
  for (const std::int64_t row : rows) {
    const float* begin = matrix.data() + row * dim;
    result.insert(result.end(), begin, begin + dim);
  }
  return result;
}

std::vector<double> mean_row(std::span<const float> matrix, std::size_t dim) {
  std::vector<double> mean(dim);
  for (std::size_t i = 0; i < matrix.size(); ++i) mean[i % dim] += static_cast<double>(matrix[i]);
  for (double& x : mean) x /= static_cast<double>(matrix.size() / dim);
  return mean;
}

}  // namespace

std::vector<std::vector<Ranked>> nearest_latents(Executor& executor, std::span<const float> decoder,
                                                 std::int64_t dim, std::span<const std::int64_t> latents,
                                                 std::int64_t count) {
  check_latents(latents, rows_of(decoder, dim, "decoder"));
  const auto width = static_cast<std::size_t>(dim);
  std::vector<float> directions(decoder.begin(), decoder.end());
  for (std::size_t i = 0; i < directions.size(); i += width) {
    normalise(std::span(directions).subspan(i, width));
  }
  std::vector<Ranking> rankings(latents.size(), Ranking(count));
  for_each_product(executor, gather(directions, dim, latents), directions, dim,
                   [&](std::int64_t query, std::int64_t row, float cosine) {
                     const auto i = static_cast<std::size_t>(query);
                     if (row != latents[i]) rankings[i].add(row, cosine);
                   });
  std::vector<std::vector<Ranked>> result;
  for (Ranking& ranking : rankings) result.push_back(std::move(ranking.best()));
  return result;
}

std::vector<LogitEffects> logit_effects(Executor& executor, std::span<const float> decoder,
                                        std::span<const float> norm_weight,
                                        std::span<const float> unembedding, std::int64_t dim,
                                        std::span<const std::int64_t> latents, std::int64_t count) {
  check_latents(latents, rows_of(decoder, dim, "decoder"));
  rows_of(unembedding, dim, "unembedding");
  if (!norm_weight.empty()) {
    if (rows_of(norm_weight, dim, "norm weight") != 1) {
      throw Error(ErrorCode::kInvalidArgument, "norm weight: expected " + std::to_string(dim) +
                                                   " numbers, found " + std::to_string(norm_weight.size()));
    }
  }
  const auto width = static_cast<std::size_t>(dim);
  std::vector<float> directions = gather(decoder, dim, latents);
  for (std::size_t i = 0; i < directions.size() && !norm_weight.empty(); ++i) {
    directions[i] *= norm_weight[i % width];
  }
  const std::vector<double> mean = mean_row(unembedding, width);
  std::vector<float> centre(latents.size());
  for (std::size_t i = 0; i < latents.size(); ++i) {
    double sum = 0.0;
    for (std::size_t j = 0; j < width; ++j) sum += static_cast<double>(directions[i * width + j]) * mean[j];
    centre[i] = static_cast<float>(sum);
  }
  std::vector<Ranking> promoted(latents.size(), Ranking(count)), suppressed = promoted;
  std::vector<double> squares(latents.size());
  for_each_product(executor, directions, unembedding, dim,
                   [&](std::int64_t query, std::int64_t token, float logit) {
                     const auto i = static_cast<std::size_t>(query);
                     const float effect = logit - centre[i];
                     promoted[i].add(token, effect);
                     suppressed[i].add(token, -effect);
                     squares[i] += static_cast<double>(effect) * static_cast<double>(effect);
                   });
  const auto tokens = static_cast<double>(unembedding.size() / width);
  std::vector<LogitEffects> effects(latents.size());
  for (std::size_t i = 0; i < latents.size(); ++i) {
    effects[i].promoted = std::move(promoted[i].best());
    effects[i].suppressed = std::move(suppressed[i].best());
    effects[i].spread = std::sqrt(squares[i] / tokens);
    for (Ranked& token : effects[i].suppressed) token.value = -token.value;
  }
  return effects;
}

}  // namespace polysem
