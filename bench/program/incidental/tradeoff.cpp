// polysem incidental tradeoff: performance against polysemanticity, over regulariser and noise.
#include <filesystem>

#include "bench/program/incidental/classifier.hpp"
#include "bench/program/incidental/experiments.hpp"
#include "bench/program/incidental/seeds.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/toy/options.hpp"

namespace polysem::program::incidental {

namespace {

using Series = figures::Series;

struct Sweep {
  std::string name;
  std::vector<double> strengths;
  std::vector<Setup> setups;
  std::vector<Measured> found;
};

std::vector<Sweep> sweeps_of(const Arguments& a) {
  const auto with = [&](const std::string& name, const std::string& option, const auto& change) {
    Sweep sweep{name, toy::numbers_of(a, option, 0, 10), {}, {}};
    for (const double strength : sweep.strengths) {
      Setup s = setup_of(a, only_neurons(a));
      s.name = name + " " + significant(strength, 3);
      change(s, strength);
      sweep.setups.push_back(s);
    }
    return sweep;
  };
  return {with("L1", "l1-sweep", [](Setup& s, double v) { s.training.l1 = v; }),
          with("weight decay", "decay-sweep", [](Setup& s, double v) { s.training.weight_decay = v; }),
          with("bipolar noise", "noise-sweep",
               [](Setup& s, double v) {
                 s.training.noise = {{TiedNoise::Kind::kBipolar, v}};
               }),
          with("Gaussian noise", "noise-sweep", [](Setup& s, double v) {
            s.training.noise = {{TiedNoise::Kind::kGaussian, v}};
          })};
}

figures::Figure figure_of(const std::vector<Sweep>& sweeps) {
  figures::Figure figure;
  figure.description =
      "Squared error against polysemantic neurons, and both against the strength of each regulariser.";
  figures::Panel plane, strength;
  plane.title = "autoencoder";
  plane.x.label = "polysemantic neurons", plane.y = {.label = "squared error of a feature", .log = true};
  strength.title = "autoencoder";
  strength.x = {.label = "strength (λ, decay or standard deviation)", .log = true};
  strength.y.label = "polysemantic neurons";
  for (const Sweep& sweep : sweeps) {
    Series points{.name = sweep.name, .kind = Series::Kind::kPoints}, line{.name = sweep.name};
    for (std::size_t i = 0; i < sweep.found.size(); ++i) {
      points.x.push_back(sweep.found[i].polysemantic.value), points.y.push_back(sweep.found[i].error.value);
      points.error.push_back(sweep.found[i].error.standard_error);
      line.x.push_back(sweep.strengths[i]), line.y.push_back(sweep.found[i].polysemantic.value);
      line.error.push_back(sweep.found[i].polysemantic.standard_error);
    }
    plane.series.push_back(points), strength.series.push_back(line);
  }
  figure.panels = {plane, strength};
  return figure;
}

std::vector<ClassifierPoint> classifier_points(const Arguments& a) {
  std::vector<ClassifierPoint> points;
  const auto add = [&](const std::string& varied, const std::string& option, const auto& change) {
    for (const double strength : toy::numbers_of(a, option, 0, 100)) {
      ClassifierPoint point{.varied = varied, .strength = strength};
      change(point, strength);
      points.push_back(point);
    }
  };
  using Point = ClassifierPoint;
  add("L1", "image-l1", [](Point& p, double v) { p.l1 = v; });
  add("weight decay", "image-decay", [](Point& p, double v) { p.weight_decay = v; });
  add("bipolar noise", "image-noise", [](Point& p, double v) { p.noise = {TiedNoise::Kind::kBipolar, v}; });
  add("Gaussian noise", "image-noise", [](Point& p, double v) { p.noise = {TiedNoise::Kind::kGaussian, v}; });
  return points;
}

figures::Panel classifier_panel(const std::vector<ClassifierPoint>& points, bool plane) {
  figures::Panel panel;
  panel.title = "Fashion-MNIST classifier";
  panel.x.label = plane ? "share of neurons of several classes" : "strength (λ, decay or standard deviation)";
  panel.x.log = !plane;
  panel.y.label = plane ? "test accuracy" : "share of neurons of several classes";
  for (const ClassifierPoint& point : points) {
    if (panel.series.empty() || panel.series.back().name != point.varied)
      panel.series.push_back(
          {.name = point.varied, .kind = plane ? Series::Kind::kPoints : Series::Kind::kLineAndPoints});
    Series& series = panel.series.back();
    const Mean &x = point.polysemantic, &y = plane ? point.accuracy : point.polysemantic;
    series.x.push_back(plane ? x.value : point.strength), series.y.push_back(y.value);
    series.error.push_back(y.standard_error);
  }
  return panel;
}

ClassifierRun classifier_run(const Arguments& a) {
  ClassifierRun run;
  run.hidden = a.integer("hidden", 1, 1 << 16), run.steps = a.integer("image-steps", 1, 1 << 30);
  run.seeds = a.integer("image-seeds", 1, 10000);
  run.seed = static_cast<std::uint64_t>(a.integer("seed", 0, std::int64_t{1} << 53));
  return run;
}

void classify(const Arguments& a, Session& session, Outcome& outcome) {
  const std::filesystem::path folder = a.text("images");
  std::error_code error;
  if (!a.given("images") && !std::filesystem::exists(folder, error)) {
    const std::string why = "the classifier was left out: Fashion-MNIST is not at " + folder.string() +
                            " (apt-get install dataset-fashion-mnist)";
    outcome.result["notes"]["classifier"] = why;
    outcome.text += why + "\n";
    return;
  }
  const FashionMnist images = load_fashion_mnist(folder);
  const ClassifierRun run = classifier_run(a);
  std::vector<ClassifierPoint> points = classifier_points(a);
  measure_classifiers(a, session, images, run, points);
  std::vector<std::vector<std::string>> rows = {
      {"classifier, varied", "test accuracy", "stand for several classes", "live neurons"}};
  for (const ClassifierPoint& p : points) {
    rows.push_back({p.varied + " " + significant(p.strength, 3), mean_text(p.accuracy, 4),
                    mean_text(p.polysemantic), mean_text(p.live)});
    outcome.result["classifier"].push_back({{"varied", p.varied},
                                            {"strength", p.strength},
                                            {"accuracy", mean_json(p.accuracy)},
                                            {"polysemantic", mean_json(p.polysemantic)},
                                            {"live", mean_json(p.live)}});
  }
  outcome.text += "\n" + table(rows);
  outcome.figure.panels.push_back(classifier_panel(points, true));
  outcome.figure.panels.push_back(classifier_panel(points, false));
  outcome.figure.columns = 2;
}

// Says what is wrong with the classifier's options and files before the long work.
void check_classifier(const Arguments& a) {
  classifier_points(a), classifier_run(a);
  if (a.given("images")) load_fashion_mnist(a.text("images"));
}

Outcome run(const Arguments& a, Session& session) {
  check_classifier(a);
  std::vector<Sweep> sweeps = sweeps_of(a);
  std::vector<Setup> all;
  for (const Sweep& sweep : sweeps) all.insert(all.end(), sweep.setups.begin(), sweep.setups.end());
  std::vector<Measured> found = measure(a, session, all);
  Outcome outcome;
  outcome.table = {{"varied", "polysemantic", "strong a feature", "error a feature", "diverged"}};
  std::size_t at = 0;
  for (Sweep& sweep : sweeps) {
    for (std::size_t i = 0; i < sweep.setups.size(); ++i, ++at) {
      const Setup& setup = sweep.setups[i];
      outcome.table.push_back({setup.name, mean_text(found[at].polysemantic), mean_text(found[at].strong),
                               mean_text(found[at].error, 2),
                               std::to_string(setup.config.instances - found[at].converged())});
      nlohmann::json point = point_json(setup, found[at]);
      point["varied"] = sweep.name, point["strength"] = sweep.strengths[i];
      outcome.result["points"].push_back(point);
      add_instances(outcome.result, setup, found[at]);
      outcome.weights.push_back(weights_of(setup, found[at]));
      sweep.found.push_back(std::move(found[at]));
    }
  }
  outcome.figure = figure_of(sweeps);
  classify(a, session, outcome);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "incidental tradeoff",
      .summary = "performance against polysemanticity, over regulariser and noise strength",
      .positional = "",
      .details =
          "The autoencoder's squared error without noise, and its polysemantic neurons, for each strength of "
          "L1, of "
          "weight decay and of both kinds of noise; what is not varied stays at --l1 and --weight-decay. "
          "Expected, "
          "with --quick as well: L1 of .1 has over 100 times the error of .001; under noise of .03 no "
          "feature reaches "
          "a single neuron, nothing collides, and the error is over 100 times that without noise. Then a "
          "classifier of Fashion-MNIST (Debian package dataset-fashion-mnist) with one hidden layer: test "
          "accuracy, "
          "and the share of its live neurons whose mean activation is at least half of their largest for two "
          "classes "
          "or more, over L1 of activations, weight decay and noise.",
      .example = "polysem incidental tradeoff --quick --out tradeoff",
      .options = toy::joined(
          options({.instances = "30", .quick_instances = "6", .quick_steps = "5000"}),
          {
              {.name = "l1-sweep",
               .value_name = "L",
               .value = "1e-4,3e-4,1e-3,3e-3,1e-2,3e-2,1e-1",
               .help = "strengths of L1",
               .list = true,
               .quick = "1e-3,1e-2,1e-1"},
              {.name = "decay-sweep",
               .value_name = "W",
               .value = "1e-3,1e-2,1e-1,1",
               .help = "strengths of weight decay",
               .list = true,
               .quick = "1e-2,1"},
              {.name = "noise-sweep",
               .value_name = "SD",
               .value = "0.001,0.003,0.01,0.03,0.1",
               .help = "standard deviations of the noise",
               .list = true,
               .quick = "0.003,0.03"},
              {.name = "images",
               .value_name = "DIR",
               .value = fashion_mnist_folder().string(),
               .help = "folder of Fashion-MNIST"},
              {.name = "hidden", .value_name = "M", .value = "64", .help = "neurons of the classifier"},
              {.name = "image-steps",
               .value_name = "N",
               .value = "2000",
               .help = "training steps of the classifier",
               .quick = "300"},
              {.name = "image-seeds",
               .value_name = "K",
               .value = "3",
               .help = "seeds of each classifier",
               .quick = "1"},
              {.name = "image-l1",
               .value_name = "L",
               .value = "1e-4,1e-3,1e-2,3e-2",
               .help = "strengths of L1 of the hidden activations",
               .list = true,
               .quick = "1e-4,1e-2"},
              {.name = "image-decay",
               .value_name = "W",
               .value = "1e-2,1e-1,1",
               .help = "strengths of weight decay",
               .list = true,
               .quick = "1e-2,1"},
              {.name = "image-noise",
               .value_name = "SD",
               .value = "0.1,0.3,1,3",
               .help = "standard deviations of noise on the hidden layer",
               .list = true,
               .quick = "0.3,3"},
          }),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& tradeoff() {
  static const Experiment only = {
      &command(), "Performance against polysemanticity",
      "What it costs to have fewer polysemantic neurons: squared error of the "
      "autoencoder for every strength of L1, "
      "weight decay and noise; and the accuracy of a small classifier of clothes.",
      run};
  return only;
}

}  // namespace polysem::program::incidental
