// polysem incidental noise: bipolar noise makes features sparse, Gaussian noise does not.
#include <cmath>

#include "bench/program/incidental/experiments.hpp"
#include "bench/program/incidental/seeds.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/toy/options.hpp"

namespace polysem::program::incidental {

namespace {

using Series = figures::Series;

struct Group {
  TiedNoise noise;
  std::string name;
  std::vector<Mean> over_time;
};

std::vector<Group> groups_of(const Arguments& a) {
  std::vector<Group> groups;
  for (const auto kind : {TiedNoise::Kind::kBipolar, TiedNoise::Kind::kGaussian})
    for (const double sd : toy::numbers_of(a, "sd", 0, 10))
      groups.push_back(
          {{kind, sd},
           std::string(kind == TiedNoise::Kind::kBipolar ? "bipolar " : "Gaussian ") + significant(sd, 3),
           {}});
  return groups;
}

// All groups side by side: instances of a group follow each other.
Setup setup_with(const Arguments& a, const std::vector<Group>& groups) {
  Setup s = setup_of(a, only_neurons(a));
  const std::int64_t each = s.config.instances;
  s.config.instances = each * static_cast<std::int64_t>(groups.size());
  for (const Group& group : groups)
    for (std::int64_t i = 0; i < each; ++i) s.training.noise.push_back(group.noise);
  return s;
}

std::vector<std::int64_t> times_of(std::int64_t steps) {
  std::vector<std::int64_t> times = {0};
  for (const double t : toy::spaced_by_ratio(10, static_cast<double>(steps), 30)) {
    const std::int64_t step = std::llround(t);
    if (step > times.back() && step <= steps) times.push_back(step);
  }
  if (times.back() != steps) times.push_back(steps);
  return times;
}

// Mean sum of fourth powers of each group, from all weights.
void look(const Setup& s, std::span<const float> w, std::vector<Group>& groups) {
  const std::size_t each = s.config.weights_per_instance();
  const std::size_t instances = static_cast<std::size_t>(s.config.instances) / groups.size();
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::vector<double> values;
    for (std::size_t i = g * instances; i < (g + 1) * instances; ++i) {
      const double value = mean_fourth_power(w.subspan(i * each, each), s.config.features, s.config.neurons);
      if (value < 1e6) values.push_back(value);
    }
    groups[g].over_time.push_back(mean_of(values));
  }
}

figures::Figure figure_of(const std::vector<std::int64_t>& times, const std::vector<Group>& groups) {
  figures::Figure figure;
  figure.description = "How much of each feature is on one neuron, over training, for two kinds of noise.";
  figures::Panel bipolar, gaussian;
  bipolar.title = "bipolar noise", gaussian.title = "Gaussian noise";
  for (figures::Panel* panel : {&bipolar, &gaussian}) {
    panel->x = {.label = "training steps", .log = true};
    panel->y = {.label = "mean over features of Σ W⁴", .lowest = 0, .highest = 1};
  }
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const bool two = groups[g].noise.kind == TiedNoise::Kind::kBipolar;
    Series line{.name = "standard deviation " + significant(groups[g].noise.sd, 3)};
    for (std::size_t t = 0; t < times.size(); ++t) {
      line.x.push_back(static_cast<double>(times[t])), line.y.push_back(groups[g].over_time[t].value);
      line.error.push_back(groups[g].over_time[t].standard_error);
    }
    (two ? bipolar : gaussian).series.push_back(line);
  }
  figure.panels = {bipolar, gaussian};
  return figure;
}

Outcome run(const Arguments& a, Session& session) {
  std::vector<Group> groups = groups_of(a);
  const Setup setup = setup_with(a, groups);
  validate(setup.training, setup.config);
  const std::vector<std::int64_t> times = times_of(setup.training.steps);
  Progress progress("training: step", setup.training.steps, a.flag("quiet"));
  TiedObserver observer;
  observer.stop_requested = stop_requested;
  observer.at = times;
  observer.on_step = [&](std::int64_t, std::span<const float> w) { look(setup, w, groups); };
  observer.on_progress = [&](std::int64_t step) { progress.update(step); };
  const TiedResult result = train_tied(session.executor(), setup.config, setup.training,
                                       init_tied(setup.config, setup.init, setup.training.seed), observer);
  Outcome outcome;
  outcome.table = {{"noise", "sum of W^4 at the start", "at the end"}};
  for (const Group& group : groups) {
    outcome.table.push_back(
        {group.name, mean_text(group.over_time.front()), mean_text(group.over_time.back())});
    nlohmann::json curve = nlohmann::json::array();
    for (std::size_t t = 0; t < times.size(); ++t)
      curve.push_back({{"step", times[t]}, {"fourth_power", mean_json(group.over_time[t])}});
    outcome.result["groups"].push_back(
        {{"kind", group.noise.kind == TiedNoise::Kind::kBipolar ? "bipolar" : "gaussian"},
         {"sd", group.noise.sd},
         {"curve", curve}});
  }
  const std::int64_t each = setup.config.instances / static_cast<std::int64_t>(groups.size());
  for (std::int64_t i = 0; i < setup.config.instances; ++i)
    outcome.result["instances"].push_back(
        {{"noise", groups[static_cast<std::size_t>(i / each)].name},
         {"diverged", static_cast<bool>(result.diverged[static_cast<std::size_t>(i)])}});
  outcome.weights = {{"W", {setup.config.instances, setup.config.features, setup.config.neurons}, result.w}};
  outcome.figure = figure_of(times, groups);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "incidental noise",
      .summary = "noise in the hidden layer: bipolar makes features sparse, Gaussian does not",
      .positional = "",
      .details =
          "Trained without L1. Each step adds one vector of noise to the hidden layer of all samples: +-SD, "
          "or normal. "
          "Followed is the mean over features of the sum of fourth powers, 1 where every feature has one "
          "neuron. At "
          "100,000 steps bipolar noise of .10 and .15 takes it above .7, Gaussian noise leaves it between "
          ".13 and .22; "
          "with --quick (30,000 steps) bipolar .15 above .6, Gaussian the same.",
      .example = "polysem incidental noise --sd 0.15 --steps 30k --out noise",
      .options = toy::joined(options({.features = "8",
                                      .neurons = "16",
                                      .instances = "5",
                                      .quick_instances = "5",
                                      .steps = "100000",
                                      .quick_steps = "30000",
                                      .lr = "0.02",
                                      .l1 = "0",
                                      .weight_decay = "0",
                                      .optimizer = "sgd"}),
                             {{.name = "sd",
                               .value_name = "SD",
                               .value = "0.07,0.10,0.15",
                               .help = "standard deviations of the noise",
                               .list = true}}),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& noise() {
  static const Experiment only = {&command(), "Noise that makes features sparse",
                                  "Without any regularisation, noise of two values in the hidden layer turns "
                                  "features towards single neurons: a "
                                  "sparse feature keeps its bounded tail, a spread-out one turns it normal. "
                                  "Normal noise sees no difference.",
                                  run};
  return only;
}

}  // namespace polysem::program::incidental
