#include "polysem/small_dictionary.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "lib/models/host_adam.hpp"
#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {

namespace {

void check(const SmallDictionaryConfig& c, const std::vector<double>& points, std::int64_t dim) {
  const auto need = [](bool good, const char* what) {
    if (!good) throw Error(ErrorCode::kInvalidArgument, std::string("dictionary: ") + what);
  };
  need(dim >= 1 && !points.empty() && static_cast<std::int64_t>(points.size()) % dim == 0,
       "points are missing");
  need(c.latents >= 1 && c.latents <= 100000, "latents must be between 1 and 100,000");
  need(c.k >= 0 && c.k <= c.latents, "k must be between 0 and the number of latents");
  need(c.lambda >= 0 && std::isfinite(c.lambda), "lambda must not be negative");
  need(c.rate > 0 && std::isfinite(c.rate), "the learning rate must be above 0");
  need(c.batch >= 1 && c.steps >= 0, "batch must be at least 1, steps not negative");
}

struct Layout {
  std::size_t dim, latents, b_enc, w_dec, b_dec, size;
  explicit Layout(const SmallDictionary& d)
      : dim(static_cast<std::size_t>(d.dim)),
        latents(static_cast<std::size_t>(d.latents)),
        b_enc(latents * dim),
        w_dec(b_enc + latents),
        b_dec(w_dec + latents * dim),
        size(b_dec + dim) {}
};

double dot(const double* a, const double* b, std::size_t n) { return std::inner_product(a, a + n, b, 0.0); }

/// Codes of one point; the lower number wins among equals.
void encode(const Layout& at, const SmallDictionary& d, const double* centred, double* codes) {
  const double* p = d.parameters.data();
  for (std::size_t j = 0; j < at.latents; ++j)
    codes[j] = std::max(0.0, p[at.b_enc + j] + dot(p + j * at.dim, centred, at.dim));
  if (d.k == 0 || d.k >= d.latents) return;
  std::vector<std::size_t> order(at.latents);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto better = [&](std::size_t a, std::size_t b) {
    return codes[a] != codes[b] ? codes[a] > codes[b] : a < b;
  };
  std::nth_element(order.begin(), order.begin() + (d.k - 1), order.end(), better);
  for (std::size_t i = static_cast<std::size_t>(d.k); i < order.size(); ++i) codes[order[i]] = 0;
}

void decode(const Layout& at, const SmallDictionary& d, const double* codes, double* reconstruction) {
  const double* p = d.parameters.data();
  std::copy_n(p + at.b_dec, at.dim, reconstruction);
  for (std::size_t j = 0; j < at.latents; ++j) {
    if (codes[j] == 0) continue;
    for (std::size_t k = 0; k < at.dim; ++k) reconstruction[k] += codes[j] * p[at.w_dec + j * at.dim + k];
  }
}

/// Rows of W_dec to length 1.
void normalise(const Layout& at, std::vector<double>& p) {
  for (std::size_t j = 0; j < at.latents; ++j) {
    double* row = p.data() + at.w_dec + j * at.dim;
    const double length = std::sqrt(dot(row, row, at.dim));
    if (length > 0)
      for (std::size_t k = 0; k < at.dim; ++k) row[k] /= length;
  }
}

SmallDictionary start(const std::vector<double>& points, std::int64_t dim, const SmallDictionaryConfig& c) {
  SmallDictionary d{dim, c.latents, c.k, {}};
  const Layout at(d);
  d.parameters.resize(at.size);
  const Random random(c.seed, RandomStream::kInitialisation);
  for (std::size_t i = 0; i < at.latents * at.dim; ++i) d.parameters[at.w_dec + i] = random.normal(i);
  normalise(at, d.parameters);
  std::copy_n(d.parameters.begin() + static_cast<std::ptrdiff_t>(at.w_dec), at.latents * at.dim,
              d.parameters.begin());
  const double count = static_cast<double>(points.size() / at.dim);
  for (std::size_t i = 0; i < points.size(); ++i) d.parameters[at.b_dec + i % at.dim] += points[i] / count;
  return d;
}

}  // namespace

std::span<const double> SmallDictionary::decoder_row(std::int64_t latent) const {
  const Layout at(*this);
  return std::span(parameters).subspan(at.w_dec + static_cast<std::size_t>(latent) * at.dim, at.dim);
}

DictionaryOutput apply(const SmallDictionary& d, const std::vector<double>& points) {
  const Layout at(d);
  const std::size_t count = points.size() / at.dim;
  DictionaryOutput out{std::vector<double>(count * at.latents), std::vector<double>(points.size())};
  std::vector<double> centred(at.dim);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < at.dim; ++k) centred[k] = points[i * at.dim + k] - d.parameters[at.b_dec + k];
    encode(at, d, centred.data(), out.codes.data() + i * at.latents);
    decode(at, d, out.codes.data() + i * at.latents, out.reconstruction.data() + i * at.dim);
  }
  return out;
}

double small_dictionary_loss(const SmallDictionary& d, double lambda, const std::vector<double>& points,
                             const std::vector<double>& weights, std::vector<double>& gradient) {
  const Layout at(d);
  const double* p = d.parameters.data();
  gradient.assign(at.size, 0.0);
  std::vector<double> centred(at.dim), codes(at.latents), error(at.dim);
  double loss = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    const double* x = points.data() + i * at.dim;
    for (std::size_t k = 0; k < at.dim; ++k) centred[k] = x[k] - p[at.b_dec + k];
    encode(at, d, centred.data(), codes.data());
    decode(at, d, codes.data(), error.data());
    for (std::size_t k = 0; k < at.dim; ++k) {
      error[k] -= x[k];
      loss += weights[i] * error[k] * error[k];
      error[k] *= 2 * weights[i];
      gradient[at.b_dec + k] += error[k];
    }
    for (std::size_t j = 0; j < at.latents; ++j) {
      if (codes[j] == 0) continue;
      double back = dot(p + at.w_dec + j * at.dim, error.data(), at.dim);
      if (d.k == 0) loss += weights[i] * lambda * codes[j], back += weights[i] * lambda;
      gradient[at.b_enc + j] += back;
      for (std::size_t k = 0; k < at.dim; ++k) {
        gradient[at.w_dec + j * at.dim + k] += codes[j] * error[k];
        gradient[j * at.dim + k] += back * centred[k];
        gradient[at.b_dec + k] -= back * p[j * at.dim + k];
      }
    }
  }
  return loss;
}

SmallDictionary train_small_dictionary(const std::vector<double>& points, std::int64_t dim,
                                       const SmallDictionaryConfig& c) {
  check(c, points, dim);
  SmallDictionary d = start(points, dim, c);
  const Layout at(d);
  const std::size_t count = points.size() / at.dim;
  const Random random(c.seed, RandomStream::kShuffle);
  HostAdam adam(at.size);
  std::vector<double> weights(count), gradient;
  for (std::int64_t step = 0; step < c.steps; ++step) {
    std::fill(weights.begin(), weights.end(), 0.0);
    for (std::int64_t b = 0; b < c.batch; ++b)
      weights[random.below(count, static_cast<std::uint64_t>(step * c.batch + b))] +=
          1 / static_cast<double>(c.batch);
    small_dictionary_loss(d, c.lambda, points, weights, gradient);
    const double left = static_cast<double>(c.steps - step) / (0.3 * static_cast<double>(c.steps));
    adam.step(d.parameters, gradient, c.rate * std::min(1.0, left));
    normalise(at, d.parameters);
  }
  return d;
}

}  // namespace polysem
