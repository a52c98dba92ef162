#include "bench/program/toy/composition_runs.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/trained.hpp"
#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem::program::toy {

namespace {

std::uint64_t seed_of(const Arguments& a) {
  return static_cast<std::uint64_t>(a.integer("seed", 0, 1LL << 53));
}

/// f(row, seed) for every pair, with one progress line.
void each_seed(const Arguments& a, const std::string& what, std::size_t rows, std::int64_t seeds,
               const std::function<void(std::size_t, std::size_t)>& f) {
  const auto count = static_cast<std::int64_t>(rows) * seeds;
  Progress progress(what + ": run", count, a.flag("quiet"));
  std::mutex lock;
  std::int64_t done = 0;
  in_parallel(count, threads_of(a), [&](std::int64_t i) {
    if (stop_requested()) return;
    f(static_cast<std::size_t>(i / seeds), static_cast<std::size_t>(i % seeds));
    const std::lock_guard guard(lock);
    progress.update(++done);
  });
  if (stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped by the user");
}

template <class Row, class Result>
Mean mean_over_runs(const Row& row, double Result::*what) {
  std::vector<double> values;
  for (const Result& run : row.runs)
    if (std::isfinite(run.*what)) values.push_back(run.*what);
  return program::mean_of(values);
}

constexpr std::size_t kFeatures = 4, kDims = 2;  // x1, x2, y1, y2
constexpr std::int64_t kSamples = 512;

/// Samples of one instance, [features, samples].
std::vector<float> composed_samples(double one_hot, std::uint64_t seed) {
  const Random random(seed, RandomStream::kData, 5);
  std::vector<float> x(kFeatures * kSamples);
  for (std::uint64_t s = 0; s < kSamples; ++s) {
    const float magnitude = random.uniform(4 * s);
    const std::uint32_t bits = random.bits(4 * s + 1);
    const std::size_t first = bits >> 31, second = 2 + ((bits >> 30) & 1);
    const bool alone = random.uniform(4 * s + 2) < one_hot, take_first = random.uniform(4 * s + 3) < 0.5f;
    if (!alone || take_first) x[first * kSamples + s] = magnitude;
    if (!alone || !take_first) x[second * kSamples + s] = magnitude;
  }
  return x;
}

/// Hidden activations of the samples, [samples, dims].
std::vector<double> hidden_of(const float* w, const float* x) {
  std::vector<double> points(kSamples * kDims);
  for (std::size_t s = 0; s < kSamples; ++s)
    for (std::size_t k = 0; k < kDims; ++k)
      for (std::size_t f = 0; f < kFeatures; ++f)
        points[s * kDims + k] += double{w[k * kFeatures + f]} * x[f * kSamples + s];
  return points;
}

double cosine(const std::array<double, 2>& a, std::span<const double> b) {
  const double lengths = std::hypot(a[0], a[1]) * std::hypot(b[0], b[1]);
  return lengths > 0 ? (a[0] * b[0] + a[1] * b[1]) / lengths : 0;
}

/// Share of live latents whose direction is nearer to a sum x_i + y_j than to a feature.
double composed_share(const float* w, const SmallDictionary& dictionary, const std::vector<double>& points) {
  const auto feature = [&](std::size_t f) { return std::array<double, 2>{w[f], w[kFeatures + f]}; };
  const DictionaryOutput out = apply(dictionary, points);
  double live = 0, composed = 0;
  for (std::size_t j = 0; j < static_cast<std::size_t>(dictionary.latents); ++j) {
    bool fires = false;
    for (std::size_t s = 0; s < kSamples; ++s)
      fires = fires || out.codes[s * static_cast<std::size_t>(dictionary.latents) + j] > 0;
    if (!fires) continue;
    ++live;
    const auto direction = dictionary.decoder_row(static_cast<std::int64_t>(j));
    double nearest_true = -1, nearest_sum = -1;
    for (std::size_t f = 0; f < kFeatures; ++f)
      nearest_true = std::max(nearest_true, cosine(feature(f), direction));
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t k = 2; k < 4; ++k) {
        const auto a = feature(i), b = feature(k);
        nearest_sum = std::max(nearest_sum, cosine({a[0] + b[0], a[1] + b[1]}, direction));
      }
    if (nearest_sum > nearest_true) ++composed;
  }
  return live > 0 ? composed / live : NAN;
}

/// Toy models of all seeds, trained side by side on samples of their own.
ToyResult train_composed(Session& session, double one_hot, std::int64_t seeds, std::uint64_t seed,
                         std::vector<float>& samples) {
  ToyConfig config{.features = kFeatures, .dims = kDims, .instances = seeds};
  config.density.assign(config.biases(), 0.5f), config.importance.assign(config.biases(), 1.0f);
  ToyObserver observer;
  observer.stop_requested = stop_requested;
  for (std::int64_t i = 0; i < seeds; ++i) {
    const auto own = composed_samples(one_hot, seed + static_cast<std::uint64_t>(i));
    samples.insert(samples.end(), own.begin(), own.end());
  }
  observer.samples = samples, observer.sample_count = kSamples;
  ToyTraining training;
  training.rate = {.peak = 1e-2, .decay = 1000, .steps = 3000};
  training.weight_decay = 0;
  return train_toy(session.executor(), config, training, init_toy_weights(config, seed), observer);
}

}  // namespace

Mean mean_of(const NetworkRow& row, double FactorNetworkResult::*what) { return mean_over_runs(row, what); }
Mean mean_of(const DictionaryRow& row, double FactorLatents::*what) { return mean_over_runs(row, what); }

void run_networks(const Arguments& a, const FactorWorld& world, std::vector<NetworkRow>& rows,
                  std::int64_t seeds) {
  for (NetworkRow& row : rows) row.runs.resize(static_cast<std::size_t>(seeds));
  each_seed(a, "networks", rows.size(), seeds, [&](std::size_t row, std::size_t s) {
    FactorNetworkConfig config = rows[row].config;
    config.seed = seed_of(a) + s;
    rows[row].runs[s] = train_factor_network(world, config);
  });
}

void run_dictionaries(const Arguments& a, std::int64_t colours, std::int64_t shapes,
                      std::vector<DictionaryRow>& rows, std::int64_t seeds) {
  for (DictionaryRow& row : rows)
    row.runs.resize(static_cast<std::size_t>(seeds)), row.dictionaries.resize(row.runs.size());
  each_seed(a, "dictionaries", rows.size(), seeds, [&](std::size_t r, std::size_t s) {
    DictionaryRow& row = rows[r];
    const FactorWorld world = make_factor_world(colours, shapes, row.diagonals);
    SmallDictionaryConfig config = row.config;
    config.seed = seed_of(a) + s;
    const auto points = factor_points(world, row.dim, config.seed);
    row.dictionaries[s] = train_small_dictionary(training_points(world, points, row.dim), row.dim, config);
    row.runs[s] = look_at_latents(world, row.dictionaries[s], points);
  });
}

void run_composed(const Arguments& a, Session& session, std::vector<ComposedRow>& rows, std::int64_t seeds) {
  std::vector<double> shares;
  for (const ComposedRow& row : rows)
    if (std::find(shares.begin(), shares.end(), row.one_hot) == shares.end()) shares.push_back(row.one_hot);
  for (const double one_hot : shares) {
    std::vector<float> samples;
    const ToyResult toys = train_composed(session, one_hot, seeds, seed_of(a), samples);
    std::vector<std::size_t> mine;
    for (std::size_t r = 0; r < rows.size(); ++r)
      if (rows[r].one_hot == one_hot)
        mine.push_back(r), rows[r].composed.assign(static_cast<std::size_t>(seeds), NAN);
    each_seed(a, "composed features", mine.size(), seeds, [&](std::size_t m, std::size_t s) {
      if (toys.diverged[s]) return;
      ComposedRow& row = rows[mine[m]];
      const float* w = toys.weights.w.data() + s * kDims * kFeatures;
      const auto points = hidden_of(w, samples.data() + s * kFeatures * kSamples);
      SmallDictionaryConfig config{.latents = 4, .lambda = row.lambda, .rate = row.rate};
      config.seed = seed_of(a) + s;
      row.composed[s] = composed_share(w, train_small_dictionary(points, kDims, config), points);
    });
  }
}

}  // namespace polysem::program::toy
