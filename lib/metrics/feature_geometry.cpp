#include "polysem/feature_geometry.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lib/metrics/pivoted_cholesky.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

void check(const Directions& d) {
  if (d.features < 1 || d.dims < 1 || static_cast<std::int64_t>(d.values.size()) / d.dims != d.features ||
      static_cast<std::int64_t>(d.values.size()) % d.dims != 0)
    throw Error(ErrorCode::kInvalidArgument, "directions: " + std::to_string(d.values.size()) +
                                                 " values are not " + std::to_string(d.features) +
                                                 " features of " + std::to_string(d.dims) + " dimensions");
  if (!std::all_of(d.values.begin(), d.values.end(), [](float v) { return std::isfinite(v); }))
    throw Error(ErrorCode::kInvalidArgument, "directions: a value is not finite");
}

double dot(std::span<const float> a, std::span<const float> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                            [](float x, float y) { return double{x} * y; });
}

/// W W^T in the convention of the papers: [dims, dims].
std::vector<double> second_moment(const Directions& d) {
  const auto dims = static_cast<std::size_t>(d.dims);
  std::vector<double> moment(dims * dims);
  for (std::int64_t i = 0; i < d.features; ++i) {
    const auto row = d.row(i);
    for (std::size_t r = 0; r < dims; ++r)
      for (std::size_t c = 0; c < dims; ++c) moment[r * dims + c] += double{row[r]} * row[c];
  }
  return moment;
}

void add_cosines(const Directions& d, FeatureGeometry& g) {
  std::vector<bool> met(g.norms.size());
  std::int64_t pairs = 0;
  for (std::int64_t i = 0; i < d.features; ++i) {
    for (std::int64_t j = 0; j < i; ++j) {
      const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
      const double product = dot(d.row(i), d.row(j));
      g.frame_potential += 2 * product * product;
      if (g.norms[a] == 0 || g.norms[b] == 0) continue;
      g.interference[a] += product * product / (g.norms[a] * g.norms[a]);
      g.interference[b] += product * product / (g.norms[b] * g.norms[b]);
      const double cosine = std::clamp(product / (g.norms[a] * g.norms[b]), -1.0, 1.0);
      for (const std::size_t one : {a, b}) {
        g.max_cosine[one] = met[one] ? std::max(g.max_cosine[one], cosine) : cosine;
        met[one] = true;
      }
      g.coherence = std::max(g.coherence, std::abs(cosine));
      g.mean_coherence += std::abs(cosine);
      ++pairs;
    }
  }
  if (pairs > 0) g.mean_coherence /= static_cast<double>(pairs);
}

}  // namespace

std::vector<float> transposed(std::span<const float> matrix, std::int64_t rows, std::int64_t cols) {
  std::vector<float> result(matrix.size());
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < cols; ++c)
      result[static_cast<std::size_t>(c * rows + r)] = matrix[static_cast<std::size_t>(r * cols + c)];
  return result;
}

FeatureGeometry feature_geometry(const Directions& directions) {
  check(directions);
  const auto n = static_cast<std::size_t>(directions.features);
  FeatureGeometry g;
  for (auto* list : {&g.norms, &g.dimensionality, &g.interference, &g.leverage, &g.max_cosine})
    list->assign(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = directions.row(static_cast<std::int64_t>(i));
    const double squares = dot(row, row);
    g.norms[i] = std::sqrt(squares);
    g.squared_norm += squares;
    g.frame_potential += squares * squares;
  }
  add_cosines(directions, g);
  for (std::size_t i = 0; i < n; ++i) {
    const double squares = g.norms[i] * g.norms[i];
    if (squares > 0) g.dimensionality[i] = squares / (squares + g.interference[i]);
    g.capacity += g.dimensionality[i];
  }
  const PivotedCholesky factor(second_moment(directions), directions.dims, 1e-12);
  g.rank = factor.rank();
  for (std::size_t i = 0; i < n; ++i)
    g.leverage[i] = factor.inverse_form(directions.row(static_cast<std::int64_t>(i)));
  if (g.squared_norm > 0) g.dims_per_feature = static_cast<double>(directions.dims) / g.squared_norm;
  g.frame_potential_bound =
      g.squared_norm * g.squared_norm / static_cast<double>(std::min(directions.features, directions.dims));
  return g;
}

std::int64_t features_represented(const FeatureGeometry& geometry, double least_norm) {
  return std::count_if(geometry.norms.begin(), geometry.norms.end(),
                       [&](double norm) { return norm > least_norm; });
}

double welch_bound(std::int64_t n, std::int64_t m) {
  if (n <= m || m < 1) return 0;
  return std::sqrt(static_cast<double>(n - m) / (static_cast<double>(m) * static_cast<double>(n - 1)));
}

double rankin_bound(std::int64_t n, std::int64_t m) {
  if (n < 2) return -1;
  return n <= m + 1 ? -1.0 / static_cast<double>(n - 1) : 0.0;
}

double thomson_energy(const Directions& directions) {
  check(directions);
  double energy = 0;
  for (std::int64_t i = 0; i < directions.features; ++i) {
    const auto a = directions.row(i);
    const double length = std::sqrt(dot(a, a));
    if (length == 0) throw Error(ErrorCode::kInvalidArgument, "Thomson's problem: a point at the centre");
    for (std::int64_t j = 0; j < i; ++j) {
      const auto b = directions.row(j);
      const double other = std::sqrt(dot(b, b));
      double squares = 0;
      for (std::size_t k = 0; k < a.size(); ++k) {
        const double difference = a[k] / length - b[k] / other;
        squares += difference * difference;
      }
      energy += 1 / std::sqrt(squares);
    }
  }
  return energy;
}

double thomson_minimum(std::int64_t points) {
  // https://en.wikipedia.org/wiki/Thomson_problem lists the same values with nine decimals.
  constexpr double kMinima[] = {.5,        1.732051,  3.674235,  6.474691,  9.985281, 14.452977,
                                19.675288, 25.759987, 32.716949, 40.596451, 49.165253};
  if (points < 2 || points > 12) return std::numeric_limits<double>::quiet_NaN();
  return kMinima[points - 2];
}

}  // namespace polysem
