// polysem incidental collisions: how many neurons two features of opposite signs end up on.
#include <cmath>

#include "bench/program/incidental/experiments.hpp"
#include "bench/program/incidental/seeds.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/toy/options.hpp"

namespace polysem::program::incidental {

namespace {

using Series = figures::Series;

// Least-squares slope of log count against log m, over 2 n <= m <= 16 n; NaN where fewer than two points have
// one.
double slope_of(const std::vector<Setup>& setups, const std::vector<Measured>& found) {
  double count = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (std::size_t i = 0; i < setups.size(); ++i) {
    const auto m = static_cast<double>(setups[i].config.neurons),
               n = static_cast<double>(setups[i].config.features);
    if (m < 2 * n || m > 16 * n || !(found[i].polysemantic.value > 0)) continue;
    const double lx = std::log(m), ly = std::log(found[i].polysemantic.value);
    ++count, x += lx, y += ly, xx += lx * lx, xy += lx * ly;
  }
  return count < 2 ? NAN : (xy - x * y / count) / (xx - x * x / count);
}

// Of one seed nothing can be said: the caller does not ask.
bool as_expected(const Setup& setup, const Measured& m) {
  const double allowed = 3 * m.polysemantic.standard_error + 0.15 * m.expected;
  if (setup.config.neurons >= 2 * setup.config.features)
    return std::abs(m.polysemantic.value - m.expected) < allowed;
  const double most = asymptotic_collisions(setup.config.features, setup.config.neurons);
  return m.polysemantic.value > m.expected - allowed && m.polysemantic.value < most + allowed;
}

figures::Figure figure_of(const std::vector<Setup>& setups, const std::vector<Measured>& found) {
  figures::Figure figure;
  figure.description = "Polysemantic neurons against the number of neurons, measured and as chance has it.";
  figures::Panel panel;
  panel.x = {.label = "neurons m", .log = true};
  panel.y = {.label = "polysemantic neurons", .log = true};
  Series measured{.name = "measured, mean and standard error over seeds", .kind = Series::Kind::kPoints};
  Series exact{.name = "expected by chance", .kind = Series::Kind::kLine};
  Series asymptotic{.name = "n²/4m", .kind = Series::Kind::kLine, .dashed = true};
  for (std::size_t i = 0; i < setups.size(); ++i) {
    const auto m = static_cast<double>(setups[i].config.neurons);
    panel.x.ticks.emplace_back(m, std::to_string(setups[i].config.neurons));
    measured.x.push_back(m), measured.y.push_back(found[i].polysemantic.value);
    measured.error.push_back(found[i].polysemantic.standard_error);
  }
  const std::int64_t n = setups.front().config.features;
  const auto first = static_cast<double>(setups.front().config.neurons);
  const auto last = static_cast<double>(setups.back().config.neurons);
  for (const double m : toy::spaced_by_ratio(first, last, last > first ? 60 : 1)) {
    const std::int64_t neurons = std::llround(m);
    for (Series* line : {&exact, &asymptotic}) line->x.push_back(static_cast<double>(neurons));
    exact.y.push_back(expected_collisions(n, neurons));
    asymptotic.y.push_back(asymptotic_collisions(n, neurons));
  }
  panel.series = {measured, exact, asymptotic};
  figure.panels = {panel};
  figure.panel_width = 420, figure.panel_height = 280;
  return figure;
}

Outcome run(const Arguments& a, Session& session) {
  const std::string output = a.choice("activation", {"relu", "linear", "abs", "leaky"});
  const double slope = a.number("slope", -10, 10);
  std::vector<Setup> setups;
  for (const std::int64_t neurons : neurons_of(a)) {
    setups.push_back(setup_of(a, neurons));
    setups.back().config.negative_slope = output == "relu"     ? 0
                                          : output == "linear" ? 1
                                          : output == "abs"    ? -1
                                                               : slope;
  }
  const std::vector<Measured> found = measure(a, session, setups);
  Outcome outcome;
  outcome.table = {
      {"neurons", "polysemantic", "expected", "n^2/4m", "same sign", "strong a feature", "diverged"}};
  bool good = true, several = false;
  for (std::size_t i = 0; i < setups.size(); ++i) {
    const Measured& m = found[i];
    outcome.table.push_back(
        {std::to_string(setups[i].config.neurons), mean_text(m.polysemantic), significant(m.expected, 4),
         significant(asymptotic_collisions(setups[i].config.features, setups[i].config.neurons), 4),
         significant(m.same_sign.value, 3), significant(m.strong.value, 4),
         std::to_string(setups[i].config.instances - m.converged())});
    nlohmann::json point = point_json(setups[i], m);
    const bool judged = m.polysemantic.seeds > 1;
    point["as_expected"] = judged ? nlohmann::json(as_expected(setups[i], m)) : nlohmann::json();
    good = good && (!judged || as_expected(setups[i], m)), several = several || judged;
    outcome.result["points"].push_back(point);
    add_instances(outcome.result, setups[i], m);
    outcome.weights.push_back(weights_of(setups[i], m));
  }
  const double fitted = slope_of(setups, found);
  outcome.result["activation"] = output;
  outcome.result["slope"] = std::isfinite(fitted) ? nlohmann::json(fitted) : nlohmann::json();
  if (std::isfinite(fitted))
    outcome.text = "slope of log count against log m: " + significant(fitted, 4) + "\n";
  if (output == "relu" && several)
    outcome.text += good ? "every mean is as expected: within 3 standard errors + 15 % for m >= 2n\n"
                         : "not every mean is within 3 standard errors + 15 % of the expected number\n";
  outcome.figure = figure_of(setups, found);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "incidental collisions",
      .summary = "neurons that two features of opposite signs land on, beside the exact expectation",
      .positional = "",
      .details =
          "Tied autoencoders with more neurons than features, on one-hot inputs with L1. Counted are neurons "
          "with "
          "two weights of .8 to 1.2 in magnitude. Expected: m (1 - 2 (1 - 1/2m)^n + (1 - 1/m)^n), within 3 "
          "standard "
          "errors + 15 % where m >= 2n, with --quick as well; no neuron holds two features of one sign. With "
          "an "
          "output other than relu there are none. The published run (16 instances up to 4096 neurons) takes "
          "half "
          "an hour on two cores.",
      .example = "polysem incidental collisions --features 32 --neurons 32,64,128,256 --out collisions",
      .options =
          toy::joined(options({.features = "256",
                               .quick_features = "32",
                               .neurons = "256,512,768,1024,1536,2048,3072,4096",
                               .quick_neurons = "32,64,128,256",
                               .instances = "16",
                               .quick_instances = "16"}),
                      {
                          {.name = "activation",
                           .value_name = "NAME",
                           .value = "relu",
                           .help = "of the outputs: relu, linear, abs or leaky"},
                          {.name = "slope", .value_name = "S", .value = "0.3", .help = "of leaky below 0"},
                      }),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& collisions() {
  static const Experiment only = {
      &command(), "Incidental collisions",
      "With more neurons than features there is no need to share, yet features of opposite signs settle on "
      "one "
      "neuron as often as chance has it: the output's ReLU hides their interference.",
      run};
  return only;
}

}  // namespace polysem::program::incidental
