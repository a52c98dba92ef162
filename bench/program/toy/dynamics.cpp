// polysem toy dynamics: dimensionalities jump between levels during training (Elhage et al. 2022).
#include <algorithm>
#include <cmath>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"
#include "polysem/error.hpp"

namespace polysem::program::toy {

namespace {

using Series = figures::Series;

constexpr double kJump = 0.15;    // change of a dimensionality within a window that counts as a transition
constexpr double kWindow = 0.04;  // of the run

struct Look {
  std::int64_t step = 0;
  double loss = 0;  ///< on the same samples every time
  std::vector<double> dimensionality;
};

struct History {
  std::vector<Look> looks;
  std::int64_t transitions = 0;  ///< of any feature
  double time = 0;               ///< share of the run that lies in one
  double decrease = 0;           ///< share of the loss's decrease that lies in one
};

// Windows in which a feature's dimensionality changes by more than kJump; those that overlap are one
// transition.
void find_transitions(History& h) {
  const std::size_t intervals = h.looks.size() - 1;
  const auto width = std::max<std::size_t>(
      1, static_cast<std::size_t>(std::lround(kWindow * static_cast<double>(intervals))));
  std::vector<bool> inside(intervals);
  for (std::size_t f = 0; f < h.looks[0].dimensionality.size(); ++f) {
    std::size_t end = 0;  // of the last window
    for (std::size_t i = 0; i + width <= intervals; ++i) {
      if (std::abs(h.looks[i + width].dimensionality[f] - h.looks[i].dimensionality[f]) <= kJump) continue;
      if (i >= end) ++h.transitions;
      end = i + width;
      std::fill(inside.begin() + static_cast<std::ptrdiff_t>(i),
                inside.begin() + static_cast<std::ptrdiff_t>(end), true);
    }
  }
  double decrease = 0;
  for (std::size_t i = 0; i < intervals; ++i)
    if (inside[i]) decrease += h.looks[i].loss - h.looks[i + 1].loss;
  const double all = h.looks.front().loss - h.looks.back().loss;
  h.time =
      static_cast<double>(std::count(inside.begin(), inside.end(), true)) / static_cast<double>(intervals);
  h.decrease = all > 0 ? decrease / all : 0;
}

ToyConfig config_of(const Arguments& a) {
  const ToySize size = size_of(a);
  ToyConfig c{.features = size.features, .dims = size.dims, .instances = a.integer("instances", 1, 10000)};
  const std::int64_t set = a.integer("set-size", 1, size.features);
  if (size.features % set != 0) a.refuse("set-size", "must divide the number of features");
  c.sets = set == 1 ? FeatureFill::Sets::kIndependent : FeatureFill::Sets::kTogether, c.set_size = set;
  c.density.assign(c.biases(), static_cast<float>(density_of(a, "density")));
  c.importance.assign(c.biases(), 1.0f);
  return c;
}

Look look_at(const ToyConfig& c, const ToyWeights& weights, std::int64_t instance, std::int64_t step,
             std::int64_t samples) {
  Look look{step, sampled_toy_loss(c, weights, instance, samples, 12345).value, {}};
  const std::span<const float> w(weights.w.data() + instance * c.dims * c.features,
                                 static_cast<std::size_t>(c.dims * c.features));
  const std::vector<float> rows = transposed(w, c.dims, c.features);
  look.dimensionality = feature_geometry({rows, c.features, c.dims}).dimensionality;
  return look;
}

bool finite(const ToyWeights& weights) {
  return std::all_of(weights.w.begin(), weights.w.end(), [](float v) { return std::abs(v) < 1e6f; });
}

figures::Figure figure_of(const ToyConfig& c, const History& h) {
  figures::Figure figure;
  figure.description = "Dimensionality of each feature, and the loss, over training steps.";
  figures::Panel levels, loss;
  levels.title = "dimensionality of each feature", loss.title = "loss";
  levels.x.label = loss.x.label = "step";
  levels.y = {.label = "dimensionality", .lowest = 0, .highest = 1.05};
  levels.y.ticks = {{0, "0"},         {1.0 / 3, "1/3"}, {0.4, "2/5"}, {0.5, "1/2"},
                    {2.0 / 3, "2/3"}, {0.75, "3/4"},    {1, "1"}};
  loss.y = {.label = "loss, sum over features", .log = true};
  for (std::int64_t f = 0; f < c.features; ++f) {
    Series line{.name = c.set_size > 1 ? "set " + std::to_string(f / c.set_size + 1) : "features",
                .kind = Series::Kind::kLine};
    line.opacity = 0.8;
    for (const Look& look : h.looks) {
      line.x.push_back(static_cast<double>(look.step));
      line.y.push_back(look.dimensionality[static_cast<std::size_t>(f)]);
    }
    levels.series.push_back(line);
  }
  Series curve{.name = "loss", .kind = Series::Kind::kLine};
  for (const Look& look : h.looks)
    curve.x.push_back(static_cast<double>(look.step)), curve.y.push_back(look.loss);
  loss.series = {curve};
  figure.panels = {levels, loss};
  return figure;
}

Outcome run(const Arguments& a, Session& session) {
  const ToyConfig c = config_of(a);
  const ToyTraining training = training_of(a);
  const std::int64_t looks = a.integer("looks", 2, 100000), samples = a.integer("samples", 2, 1 << 30);
  std::vector<History> histories(static_cast<std::size_t>(c.instances));
  const ToyWeights start = init_toy_weights(c, training.seed);
  const auto look = [&](const ToyWeights& weights, std::int64_t step) {
    if (!finite(weights)) return;
    in_parallel(c.instances, threads_of(a), [&](std::int64_t i) {
      histories[static_cast<std::size_t>(i)].looks.push_back(look_at(c, weights, i, step, samples));
    });
  };
  look(start, 0);
  Progress progress("training: step", training.rate.steps, a.flag("quiet"));
  ToyObserver observer;
  observer.every = std::max<std::int64_t>(1, training.rate.steps / looks);
  observer.stop_requested = stop_requested;
  observer.on_step = [&](const ToyProgress& p, const ToyWeights& weights) {
    look(weights, p.step);
    progress.update(p.step);
  };
  TrainedSet set;
  const ToyResult result = train_toy(session.executor(), c, training, start, observer);
  set.weights = result.weights;

  Outcome outcome;
  outcome.table = {{"instance", "loss", "transitions", "of the time (%)", "of the decrease (%)", "geometry"}};
  std::size_t shown = histories.size();
  for (std::int64_t i = 0; i < c.instances; ++i) {
    History& h = histories[static_cast<std::size_t>(i)];
    Trained t;
    t.diverged = result.diverged[static_cast<std::size_t>(i)];
    if (!t.diverged) {
      const std::span<const float> w(result.weights.w.data() + i * c.dims * c.features,
                                     static_cast<std::size_t>(c.dims * c.features));
      t.directions = transposed(w, c.dims, c.features);
      t.geometry = feature_geometry(t.rows(c.features, c.dims));
      t.represented = features_represented(t.geometry);
      t.polytope = name_polytope(t.rows(c.features, c.dims));
      t.loss = toy_loss(c, result.weights, i, 100000, training.seed + 1);
      if (h.looks.size() > 1) find_transitions(h);
      if (shown == histories.size() || h.transitions > histories[shown].transitions)
        shown = static_cast<std::size_t>(i);
    }
    set.instances.push_back(t);
    nlohmann::json instance = instance_json(c, set, i);
    instance["density"] = density_of(a, "density");
    instance["transitions"] = h.transitions;
    instance["time_in_transitions"] = h.time, instance["decrease_in_transitions"] = h.decrease;
    for (const Look& l : h.looks) {
      instance["history"]["step"].push_back(l.step), instance["history"]["loss"].push_back(l.loss);
      instance["history"]["dimensionality"].push_back(l.dimensionality);
    }
    outcome.result["instances"].push_back(instance);
    outcome.table.push_back({std::to_string(i), loss_text(t), std::to_string(h.transitions),
                             significant(100 * h.time, 3), significant(100 * h.decrease, 3),
                             t.polytope.name});
  }
  outcome.weights = weight_tensors(c, set.weights);
  const bool all_diverged = shown == histories.size();
  outcome.figure = figure_of(c, histories[all_diverged ? 0 : shown]);
  if (all_diverged) outcome.figure.title = "every instance diverged";
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "toy dynamics",
      .summary = "dimensionalities jump between levels during training, and the loss drops",
      .positional = "",
      .details =
          "Trains with a slow rate and looks often: how many dimensions each feature gets, and the loss on "
          "fixed "
          "samples. A transition is a change of a dimensionality by more than 0.15 within 4 % of the run. At "
          "least "
          "80 % of the loss's decrease is expected to lie in transitions, with --quick as well. The figure "
          "shows the "
          "instance with most of them.",
      .example = "polysem toy dynamics --out dynamics",
      .options = joined(
          {
              {.name = "features", .value_name = "N", .value = "6", .help = "features"},
              {.name = "dims", .value_name = "M", .value = "3", .help = "dimensions"},
              {.name = "set-size",
               .value_name = "N",
               .value = "3",
               .help = "features that are active together; 1: independent"},
              {.name = "density",
               .value_name = "P",
               .value = "0.05",
               .help = "probability that a set is active"},
              {.name = "instances", .value_name = "K", .value = "8", .help = "instances", .quick = "4"},
              {.name = "looks",
               .value_name = "N",
               .value = "200",
               .help = "looks over the run",
               .quick = "100"},
              {.name = "samples",
               .value_name = "N",
               .value = "20000",
               .help = "samples of the loss",
               .quick = "5000"},
          },
          training_options({.quick_steps = "5000", .quick_lr = "2e-3"})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& dynamics() {
  static const Experiment only = {&command(), "Learning dynamics",
                                  "Two sets of three features in three dimensions during training. "
                                  "Dimensionalities stay at levels and jump "
                                  "between them; the loss drops where they jump.",
                                  run};
  return only;
}

}  // namespace polysem::program::toy
