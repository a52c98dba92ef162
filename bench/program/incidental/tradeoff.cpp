// polysem incidental tradeoff: performance against polysemanticity, over regulariser and noise.
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

Outcome run(const Arguments& a, Session& session) {
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
          "a single neuron, nothing collides, and the error is over 100 times that without noise.",
      .example = "polysem incidental tradeoff --quick --out tradeoff",
      .options = toy::joined(options({.instances = "30", .quick_instances = "6", .quick_steps = "5000"}),
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
                             }),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& tradeoff() {
  static const Experiment only = {&command(), "Performance against polysemanticity",
                                  "What it costs to have fewer polysemantic neurons: squared error of the "
                                  "autoencoder for every strength of L1, "
                                  "weight decay and noise.",
                                  run};
  return only;
}

}  // namespace polysem::program::incidental
