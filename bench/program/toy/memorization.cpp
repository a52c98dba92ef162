// polysem toy memorization: few samples are stored as such, many give features (Henighan et al. 2023,
// "Superposition, memorization, and double descent").
#include <algorithm>
#include <cmath>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"

namespace polysem::program::toy {

namespace {

using Series = figures::Series;
using Vector = std::vector<double>;

constexpr std::int64_t kTestSamples = 2000;

// Sparse samples of length 1, [features, count]; one without any active feature is drawn again.
std::vector<float> unit_samples(std::int64_t features, std::int64_t count, double density, std::uint64_t seed,
                                std::uint32_t substream) {
  const Random random(seed, RandomStream::kData, substream);
  std::vector<float> x(static_cast<std::size_t>(features * count));
  std::uint64_t at = 0;
  for (std::int64_t s = 0; s < count; ++s) {
    double squares = 0;
    for (int attempt = 0; squares == 0 && attempt < 10000; ++attempt) {
      for (std::int64_t f = 0; f < features; ++f, ++at) {
        const double u = random.uniform(at), value = u < density ? u / density : 0;
        x[static_cast<std::size_t>(f * count + s)] = static_cast<float>(value);
        squares += value * value;
      }
    }
    if (squares == 0) continue;  // all but impossible: the sample stays 0
    const auto scale = static_cast<float>(1 / std::sqrt(squares));
    for (std::int64_t f = 0; f < features; ++f) x[static_cast<std::size_t>(f * count + s)] *= scale;
  }
  return x;
}

// Hidden vectors of samples, [count, dims].
std::vector<float> hidden_of(const ToyInstance& t, std::span<const float> x, std::int64_t count) {
  std::vector<float> hidden(static_cast<std::size_t>(count * t.dims));
  for (std::int64_t k = 0; k < t.dims; ++k) {
    for (std::int64_t f = 0; f < t.features; ++f) {
      const auto w = static_cast<float>(t.w[static_cast<std::size_t>(k * t.features + f)]);
      for (std::int64_t s = 0; s < count; ++s)
        hidden[static_cast<std::size_t>(s * t.dims + k)] += w * x[static_cast<std::size_t>(f * count + s)];
    }
  }
  return hidden;
}

// Loss summed over features, mean over samples.
double loss_of(const ToyInstance& t, std::span<const float> x, std::int64_t count) {
  const std::vector<float> hidden = hidden_of(t, x, count);
  double loss = 0;
  for (std::int64_t f = 0; f < t.features; ++f) {
    for (std::int64_t s = 0; s < count; ++s) {
      double y = t.bias[static_cast<std::size_t>(f)];
      for (std::int64_t k = 0; k < t.dims; ++k)
        y += t.w[static_cast<std::size_t>(k * t.features + f)] *
             hidden[static_cast<std::size_t>(s * t.dims + k)];
      const double error = std::max(y, 0.0) - x[static_cast<std::size_t>(f * count + s)];
      loss += error * error;
    }
  }
  return loss / static_cast<double>(count);
}

double median(Vector values) {
  if (values.empty()) return NAN;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Of features longer than 0.5; a 0 where there are none.
Vector represented_dimensionalities(const FeatureGeometry& g) {
  Vector values;
  for (std::size_t f = 0; f < g.norms.size(); ++f)
    if (g.norms[f] > 0.5) values.push_back(g.dimensionality[f]);
  if (values.empty()) values.push_back(0);
  return values;
}

struct Point {
  std::int64_t samples = 0;
  Vector train, test, sample_dimensionality, feature_dimensionality;  ///< of instances that did not diverge
  ToyConfig config;
  TrainedSet set;
  std::vector<float> first_hidden;  ///< of the first instance's samples
};

void measure(Point& p, const std::vector<float>& x, const std::vector<float>& test) {
  const ToyConfig& c = p.config;
  const auto part = static_cast<std::size_t>(c.features * p.samples);
  for (std::int64_t i = 0; i < c.instances; ++i) {
    const auto number = static_cast<std::size_t>(i);
    const ToyInstance t = toy_instance(c, p.set.weights, i);
    const std::span<const float> own(x.data() + number * part, part);
    Trained& trained = p.set.instances[number];
    if (trained.diverged) continue;
    std::vector<float> w(t.w.begin(), t.w.end());
    trained.directions = transposed(w, c.dims, c.features);
    trained.geometry = feature_geometry(trained.rows(c.features, c.dims));
    trained.represented = features_represented(trained.geometry);
    trained.loss = {loss_of(t, own, p.samples), 0, true};
    const std::vector<float> hidden = hidden_of(t, own, p.samples);
    if (p.first_hidden.empty()) p.first_hidden = hidden;
    p.train.push_back(trained.loss.value);
    p.test.push_back(loss_of(t, test, kTestSamples));
    p.sample_dimensionality.push_back(median(feature_geometry({hidden, p.samples, c.dims}).dimensionality));
    p.feature_dimensionality.push_back(median(represented_dimensionalities(trained.geometry)));
  }
}

Point train(const Arguments& a, Session& session, std::int64_t samples, const std::vector<float>& test) {
  Point p;
  p.samples = samples;
  const ToySize size = size_of(a);
  p.config = {.features = size.features, .dims = size.dims, .instances = a.integer("instances", 1, 10000)};
  p.config.density.assign(p.config.biases(), static_cast<float>(density_of(a, "density")));
  p.config.importance.assign(p.config.biases(), 1.0f);
  ToyTraining training = training_of(a);
  training.rate.warmup = a.given("warmup") ? training.rate.warmup : training.rate.steps / 20;
  std::vector<float> x;
  for (std::int64_t i = 0; i < p.config.instances; ++i) {
    const auto own = unit_samples(size.features, samples, density_of(a, "density"), training.seed,
                                  static_cast<std::uint32_t>(1000 + i));
    x.insert(x.end(), own.begin(), own.end());
  }
  Progress progress("training on " + counted(samples, "sample") + ": step", training.rate.steps,
                    a.flag("quiet"));
  ToyObserver observer;
  observer.samples = x, observer.sample_count = samples;
  observer.every = std::max<std::int64_t>(1, training.rate.steps / 100),
  observer.stop_requested = stop_requested;
  observer.on_step = [&](const ToyProgress& step, const ToyWeights&) { progress.update(step.step); };
  const ToyResult result =
      train_toy(session.executor(), p.config, training, init_toy_weights(p.config, training.seed), observer);
  p.set.weights = result.weights;
  p.set.instances.resize(static_cast<std::size_t>(p.config.instances));
  for (std::size_t i = 0; i < p.set.instances.size(); ++i) p.set.instances[i].diverged = result.diverged[i];
  measure(p, x, test);
  return p;
}

struct Mean {
  double value = NAN, error = 0;
};
Mean mean_of(const Vector& values) {
  Mean m;
  if (values.empty()) return m;
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  m.value = sum / n;
  for (const double v : values) squares += (v - m.value) * (v - m.value);
  if (n > 1) m.error = std::sqrt(squares / (n - 1) / n);
  return m;
}

Series curve(const std::vector<Point>& points, const std::string& name, Vector Point::*values) {
  Series s{.name = name};
  for (const Point& p : points) {
    const Mean m = mean_of(p.*values);
    s.x.push_back(static_cast<double>(p.samples)), s.y.push_back(m.value), s.error.push_back(m.error);
  }
  return s;
}

figures::Panel arrows(std::span<const float> rows, std::int64_t count, std::int64_t dims,
                      const std::string& title) {
  figures::Panel panel;
  panel.title = title;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(count, 300); ++i)
    panel.arrows.tips.push_back({rows[static_cast<std::size_t>(i * dims)],
                                 dims > 1 ? rows[static_cast<std::size_t>(i * dims + 1)] : 0.0f});
  return panel;
}

figures::Figure figure_of(const std::vector<Point>& points) {
  figures::Figure figure;
  figure.description =
      "Losses and dimensionalities over the number of training samples; hidden vectors and features.";
  figures::Panel losses, levels;
  losses.title = "loss", levels.title = "median dimensionality";
  losses.x = levels.x = {.label = "training samples T", .log = true};
  losses.y = {.label = "loss, standard error over instances", .lowest = 0};
  levels.y = {.label = "dimensions a vector", .log = true};
  losses.series = {curve(points, "test", &Point::test), curve(points, "training", &Point::train)};
  levels.series = {curve(points, "hidden vectors of samples", &Point::sample_dimensionality),
                   curve(points, "features with |W| > 0.5", &Point::feature_dimensionality)};
  figure.panels = {losses, levels};
  const Point &few = points.size() > 1 ? points[1] : points.front(), &many = points.back();
  if (few.config.dims <= 2) {
    if (!few.first_hidden.empty())
      figure.panels.push_back(arrows(few.first_hidden, few.samples, few.config.dims,
                                     "samples, T = " + std::to_string(few.samples)));
    if (!many.set.instances[0].diverged)
      figure.panels.push_back(arrows(many.set.instances[0].directions, many.config.features, many.config.dims,
                                     "features, T = " + std::to_string(many.samples)));
  }
  figure.columns = 2;
  return figure;
}

Outcome run(const Arguments& a, Session& session) {
  const ToySize size = size_of(a);
  const Vector counts = numbers_of(a, "samples", 2, 1e7);
  for (const double count : counts)
    if (count != std::floor(count)) a.refuse("samples", "expected whole numbers");
  const std::vector<float> test =
      unit_samples(size.features, kTestSamples, density_of(a, "density"), training_of(a).seed, 999);
  std::vector<Point> points;
  for (const double count : counts)
    points.push_back(train(a, session, static_cast<std::int64_t>(count), test));

  Outcome outcome;
  outcome.table = {
      {"samples T", "training loss", "test loss", "D of samples times T", "D of features with |W| > 0.5"}};
  std::size_t worst = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    const Mean loss = mean_of(p.train), tested = mean_of(p.test), samples = mean_of(p.sample_dimensionality);
    if (std::isfinite(tested.value) && !(mean_of(points[worst].test).value >= tested.value)) worst = i;
    outcome.table.push_back({std::to_string(p.samples), significant(loss.value), significant(tested.value),
                             significant(samples.value * static_cast<double>(p.samples), 3),
                             significant(mean_of(p.feature_dimensionality).value, 3)});
    outcome.result["curve"].push_back({{"samples", p.samples},
                                       {"train", p.train},
                                       {"test", p.test},
                                       {"sample_dimensionality", p.sample_dimensionality},
                                       {"feature_dimensionality", p.feature_dimensionality}});
    for (std::int64_t k = 0; k < p.config.instances; ++k) {
      nlohmann::json instance = instance_json(p.config, p.set, k);
      instance["samples"] = p.samples, instance["density"] = density_of(a, "density");
      outcome.result["instances"].push_back(instance);
    }
    for (NamedTensor& tensor : weight_tensors(p.config, p.set.weights)) {
      tensor.name += "." + std::to_string(p.samples);
      outcome.weights.push_back(std::move(tensor));
    }
  }
  const bool known = !points[worst].test.empty();
  outcome.result["worst_samples"] = known ? nlohmann::json(points[worst].samples) : nlohmann::json();
  outcome.text = known ? "the test loss is worst at T = " + std::to_string(points[worst].samples) + "\n"
                       : "every instance diverged\n";
  outcome.figure = figure_of(points);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "toy memorization",
      .summary = "few samples are memorised, many give features; double descent between",
      .positional = "",
      .details =
          "Trains on a fixed set of T samples of length 1, all of them at every step. Few samples: their "
          "hidden vectors "
          "form a regular polygon, with dims / T dimensions each. Many: the features do. The test loss is "
          "worst in "
          "between, with --quick as well. The published sizes are 10000 features of density 0.001; the "
          "defaults are "
          "those of a cheaper published replication.",
      .example = "polysem toy memorization --out memorization",
      .options = joined(
          {
              {.name = "features", .value_name = "N", .value = "1000", .help = "features", .quick = "200"},
              {.name = "dims", .value_name = "M", .value = "2", .help = "dimensions"},
              {.name = "density",
               .value_name = "P",
               .value = "0.01",
               .help = "probability that a feature is active",
               .quick = "0.02"},
              {.name = "samples",
               .value_name = "T",
               .value = "3,5,6,8,10,15,30,50,100,200,500,1000,2000",
               .help = "numbers of training samples",
               .list = true,
               .quick = "3,5,8,15,50,200,1000"},
              {.name = "instances",
               .value_name = "K",
               .value = "5",
               .help = "instances of each, with samples of their own",
               .quick = "2"},
          },
          training_options({.steps = "50000",
                            .quick_steps = "4000",
                            .lr = "1e-3",
                            .quick_lr = "5e-3",
                            .schedule = "cosine"})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& memorization() {
  static const Experiment only = {&command(), "Memorization and double descent",
                                  "A model trained on few samples stores those, on many samples the features "
                                  "behind them. In between it can do "
                                  "neither, and the test loss has a peak.",
                                  run};
  return only;
}

}  // namespace polysem::program::toy
