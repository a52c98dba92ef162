// polysem toy memorization: toy models trained on few samples store the samples, on many the features, and
// are worst in between (Henighan et al. 2023, "Superposition, memorization, and double descent").
#include <algorithm>
#include <array>
#include <cmath>

#include "bench/program/mean.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"
#include "polysem/toy_samples.hpp"

namespace polysem::program::toy {

namespace {

using Series = figures::Series;

// Median dimensionality of the vectors that are longer than half the longest: many features are not
// represented at all.
double median_dimensionality(const FeatureGeometry& geometry) {
  const double longest = *std::max_element(geometry.norms.begin(), geometry.norms.end());
  std::vector<double> values;
  for (std::size_t i = 0; i < geometry.norms.size(); ++i)
    if (geometry.norms[i] > 0.5 * longest) values.push_back(geometry.dimensionality[i]);
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// What was trained on one number of samples.
struct Row {
  std::int64_t samples = 0, diverged = 0;
  ToyConfig config;
  TrainedSet set = {};
  std::vector<std::vector<float>> hidden = {};  // [samples, dims] of each instance; empty where it diverged
  std::vector<std::string> hidden_geometry = {};
  std::vector<ToyLoss> test = {};  // of each instance
  std::vector<double> test_losses = {}, train_losses = {}, feature_dims = {},
                      sample_dims = {};  // of those that did not diverge
};

struct Plan {
  ToyConfig config;
  double density = 0;
  ToyTraining training;
  std::vector<std::int64_t> samples = {};
  std::int64_t test_samples = 0;
};

Plan plan_of(const Arguments& a) {
  const ToySize size = size_of(a);
  Plan plan{.config = {.features = size.features, .dims = size.dims}, .training = training_of(a)};
  plan.config.instances = a.integer("instances", 1, 1000), plan.density = density_of(a, "density");
  plan.config.density.assign(plan.config.biases(), static_cast<float>(plan.density));
  plan.config.importance.assign(plan.config.biases(), 1.0f);
  plan.samples = whole_numbers_of(a, "samples", 1, 1000000000),
  plan.test_samples = a.integer("test-samples", 2, 1 << 24);
  constexpr std::int64_t kMostValues = std::int64_t{1} << 31;  // 8 GB
  if (plan.samples.back() > kMostValues / (size.features * plan.config.instances))
    a.refuse("samples", "samples times features times instances must stay below 2^31");
  if (plan.test_samples > kMostValues / size.features)
    a.refuse("test-samples", "samples times features must stay below 2^31");
  return plan;
}

void measure(const std::vector<float>& data, const std::vector<float>& fresh, int threads, Row& row) {
  const auto each = static_cast<std::size_t>(row.config.features * row.samples);
  row.hidden.resize(row.set.instances.size()), row.hidden_geometry.resize(row.set.instances.size());
  row.test.resize(row.set.instances.size());
  std::vector<double> dims(row.set.instances.size());
  in_parallel(row.config.instances, threads, [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    if (row.set.instances[at].diverged) return;
    const std::span<const float> seen(data.data() + at * each, each);
    Trained t = measured(row.config, row.set.weights, i, false);
    t.loss = loss_on_samples(row.config, row.set.weights, i, seen, false);
    row.set.instances[at] = t;
    row.test[at] = loss_on_samples(row.config, row.set.weights, i, fresh, true);
    row.hidden[at] = hidden_vectors(row.config, row.set.weights, i, seen);
    const Directions directions{row.hidden[at], row.samples, row.config.dims};
    const FeatureGeometry geometry = feature_geometry(directions);
    dims[at] = median_dimensionality(geometry);
    const double longest = *std::max_element(geometry.norms.begin(), geometry.norms.end());
    if (row.samples <= 16)
      row.hidden_geometry[at] = name_polytope(directions, {.least_norm = 0.5 * longest}).name;
  });
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const Trained& t = row.set.instances[i];
    if (t.diverged) {
      ++row.diverged;
      continue;
    }
    row.test_losses.push_back(row.test[i].value), row.train_losses.push_back(t.loss.value);
    row.feature_dims.push_back(median_dimensionality(t.geometry)), row.sample_dims.push_back(dims[i]);
  }
}

Row train(const Arguments& a, Session& session, const Plan& plan, std::int64_t samples,
          const std::vector<float>& fresh) {
  Row row{.samples = samples, .config = plan.config};
  std::vector<float> data;
  for (std::int64_t i = 0; i < plan.config.instances; ++i) {
    const std::vector<float> part = unit_samples(plan.config.features, plan.density, samples,
                                                 plan.training.seed, static_cast<std::uint32_t>(i));
    data.insert(data.end(), part.begin(), part.end());
  }
  Progress progress(counted(samples, "sample") + ": step", plan.training.rate.steps, a.flag("quiet"));
  ToyObserver observer;
  observer.samples = data, observer.sample_count = samples;
  observer.stop_requested = stop_requested;
  observer.every = std::max<std::int64_t>(1, plan.training.rate.steps / 100);
  observer.on_step = [&](const ToyProgress& p, const ToyWeights&) {
    progress.update(p.step, "loss " + significant(p.loss.front()));
  };
  const ToyResult result = train_toy(session.executor(), plan.config, plan.training,
                                     init_toy_weights(plan.config, plan.training.seed), observer);
  row.set.weights = result.weights;
  for (const bool diverged : result.diverged) {
    row.set.instances.emplace_back();
    row.set.instances.back().diverged = diverged;
  }
  measure(data, fresh, threads_of(a), row);
  return row;
}

// --- what is shown ---

std::size_t peak_of(const std::vector<Row>& rows) {
  std::size_t peak = 0;
  double most = -1;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const double loss = mean_of(rows[r].test_losses).value;
    if (loss > most) most = loss, peak = r;
  }
  return peak;
}

figures::Panel curves(const std::vector<Row>& rows, const std::string& title, const std::string& label,
                      const std::vector<std::pair<std::string, std::vector<double> Row::*>>& lines) {
  figures::Panel panel;
  panel.title = title;
  panel.x = {.label = "training samples T", .log = true}, panel.y.label = label;
  for (const auto& [name, values] : lines) {
    Series line{.name = name};
    for (const Row& row : rows) {
      const Mean mean = mean_of(row.*values);
      line.x.push_back(static_cast<double>(row.samples)), line.y.push_back(mean.value);
      line.error.push_back(mean.standard_error);
    }
    panel.series.push_back(line);
  }
  return panel;
}

// The longest of `vectors` [count, dims], their first two coordinates.
Series scatter(const std::string& name, std::span<const float> vectors, std::int64_t dims, int colour,
               double size, double& reach) {
  constexpr std::size_t kMostPoints = 400;
  Series points{.name = name, .kind = Series::Kind::kPoints};
  points.colour = colour, points.size = size, points.opacity = 0.7;
  std::vector<std::array<double, 2>> list;
  for (std::size_t i = 0; i < vectors.size(); i += static_cast<std::size_t>(dims))
    list.push_back({vectors[i], dims > 1 ? vectors[i + 1] : 0.0});
  const auto longer = [](const auto& x, const auto& y) {
    return std::hypot(x[0], x[1]) > std::hypot(y[0], y[1]);
  };
  std::stable_sort(list.begin(), list.end(), longer);
  if (list.size() > kMostPoints) list.resize(kMostPoints);
  for (const auto& [x, y] : list) {
    points.x.push_back(x), points.y.push_back(y);
    reach = std::max({reach, std::abs(x), std::abs(y)});
  }
  return points;
}

figures::Panel plane(const Row& row) {
  figures::Panel panel;
  panel.title = "T = " + with_commas(row.samples);
  panel.x.label = "hidden dimension 1", panel.y.label = "hidden dimension 2";
  double reach = 0.1;
  for (std::size_t i = 0; i < row.hidden.size() && panel.series.empty(); ++i) {
    if (row.hidden[i].empty()) continue;
    panel.series = {
        scatter("features", row.set.instances[i].directions, row.config.dims, 5, 0.6, reach),
        scatter("hidden vectors of training samples", row.hidden[i], row.config.dims, 3, 0.9, reach)};
  }
  panel.x.highest = panel.y.highest = 1.1 * reach, panel.x.lowest = panel.y.lowest = -1.1 * reach;
  return panel;
}

figures::Figure figure_of(const std::vector<Row>& rows) {
  figures::Figure figure;
  figure.description =
      "Loss on fresh samples and on those of training, and dimensions that a feature and a sample get, over "
      "the number of training samples; then features and samples in the hidden layer.";
  figure.panels.push_back(curves(rows, "loss", "loss, sum over features",
                                 {{"fresh samples", &Row::test_losses}, {"training", &Row::train_losses}}));
  figure.panels.back().y.lowest = 0;
  figure.panels.push_back(
      curves(rows, "median dimensionality", "dimensionality",
             {{"features", &Row::feature_dims}, {"hidden vectors of training samples", &Row::sample_dims}}));
  figure.panels.back().y.log = true;
  figure.panels.back().series[0].colour = 5, figure.panels.back().series[1].colour = 3;
  std::size_t few = 0;
  for (std::size_t r = 0; r < rows.size(); ++r)
    if (rows[r].samples <= 5) few = r;
  std::vector<std::size_t> shown = {few, peak_of(rows), rows.size() - 1};
  std::sort(shown.begin(), shown.end());
  shown.erase(std::unique(shown.begin(), shown.end()), shown.end());
  for (const std::size_t r : shown)
    if (rows[r].diverged < rows[r].config.instances) figure.panels.push_back(plane(rows[r]));
  figure.columns = figure.panels.size() == 4 ? 2 : 3;
  figure.panel_width = figure.panel_height = 230;
  return figure;
}

void report(Row& row, double density, Outcome& outcome) {
  const Mean test = mean_of(row.test_losses), training = mean_of(row.train_losses),
             features = mean_of(row.feature_dims), samples = mean_of(row.sample_dims);
  const bool any = !row.test_losses.empty();
  const auto text = [&](double v) { return any ? significant(v) : std::string("diverged"); };
  outcome.result["curve"].push_back({{"samples", row.samples},
                                     {"diverged", row.diverged},
                                     {"train", row.train_losses},
                                     {"test", row.test_losses},
                                     {"sample_dimensionality", row.sample_dims},
                                     {"feature_dimensionality", row.feature_dims}});
  outcome.table.push_back({std::to_string(row.samples), text(test.value), text(test.standard_error),
                           text(training.value), text(features.value), text(samples.value),
                           text(samples.value * static_cast<double>(row.samples))});
  std::size_t good = 0;
  for (std::int64_t i = 0; i < row.config.instances; ++i) {
    nlohmann::json instance = instance_json(row.config, row.set, i);
    instance["samples"] = row.samples, instance["density"] = density;
    const auto at = static_cast<std::size_t>(i);
    if (!row.set.instances[at].diverged) {
      instance["test_loss"] = row.test[at].value;
      instance["test_loss_standard_error"] = row.test[at].standard_error;
      instance["sample_dimensionality"] = row.sample_dims[good++];
      if (!row.hidden_geometry[at].empty()) instance["sample_geometry"] = row.hidden_geometry[at];
    }
    outcome.result["instances"].push_back(instance);
  }
  for (NamedTensor& tensor : weight_tensors(row.config, row.set.weights)) {
    tensor.name += "." + std::to_string(row.samples);
    outcome.weights.push_back(std::move(tensor));
  }
}

Outcome run(const Arguments& a, Session& session) {
  const Plan plan = plan_of(a);
  const std::vector<float> fresh = unit_samples(plan.config.features, plan.density, plan.test_samples,
                                                plan.training.seed, 0, RandomStream::kSampling);
  std::vector<Row> rows;
  for (const std::int64_t samples : plan.samples) rows.push_back(train(a, session, plan, samples, fresh));
  Outcome outcome;
  outcome.table = {{"samples T", "test loss", "standard error", "training loss", "features: D", "samples: D",
                    "samples: D x T"}};
  for (Row& row : rows) report(row, plan.density, outcome);
  const std::size_t peak = peak_of(rows);
  const bool known = !rows[peak].test_losses.empty(), inside = peak > 0 && peak + 1 < rows.size();
  outcome.result["worst_samples"] = known ? nlohmann::json(rows[peak].samples) : nlohmann::json();
  outcome.result["worst_is_inside"] = known && inside;
  outcome.text = known ? "the test loss is worst at T = " + std::to_string(rows[peak].samples) +
                             (inside ? ", inside the range\n" : ", at an end of the range\n")
                       : "every instance diverged\n";
  outcome.figure = figure_of(rows);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "toy memorization",
      .summary = "few training samples are memorised, many generalise, and the worst lies between",
      .positional = "",
      .details =
          "Trains on a fixed set of sparse samples of length 1, all of them at every step, and tells loss on "
          "fresh samples and the dimensions that features and training samples get. Few samples lie on a "
          "regular polygon (D x T is the number of dimensions), and features are in disorder; with "
          "many "
          "it is the other way round. The published figure has --features 10000 --density 0.001. The test "
          "loss is expected to be highest strictly inside the range, with --quick as well.",
      .example = "polysem toy memorization --samples 3,5,10,100,1000 --steps 5000 --out memorization",
      .options = joined(
          {
              {.name = "features", .value_name = "N", .value = "1000", .help = "features", .quick = "300"},
              {.name = "dims", .value_name = "M", .value = "2", .help = "dimensions of the hidden layer"},
              {.name = "density",
               .value_name = "P",
               .value = "0.01",
               .help = "probability that a feature is active",
               .quick = "0.03"},
              {.name = "samples",
               .value_name = "T",
               .value = "3,5,6,8,10,15,30,50,100,200,500,1000,2000",
               .help = "sizes of the training set",
               .list = true,
               .quick = "3,5,10,30,100,300,1000"},
              {.name = "instances", .value_name = "K", .value = "5", .help = "instances of each size"},
              {.name = "test-samples",
               .value_name = "N",
               .value = "5000",
               .help = "fresh samples of the test loss",
               .quick = "2000"},
          },
          training_options({.steps = "50000",
                            .quick_steps = "3000",
                            .lr = "1e-3",
                            .quick_lr = "5e-3",
                            .schedule = "cosine",
                            .warmup = "auto",
                            .batch_option = false})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& memorization() {
  static const Experiment only = {
      &command(), "Memorisation and double descent",
      "Trained on a few samples, the model gives each sample a direction of its own and learns no features; "
      "on many it learns features. In between it does neither well, and the loss on fresh samples peaks.",
      run};
  return only;
}

}  // namespace polysem::program::toy
