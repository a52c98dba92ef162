// polysem incidental regularization: L1, weight decay, both, none.
#include "bench/program/incidental/experiments.hpp"
#include "bench/program/incidental/seeds.hpp"
#include "bench/program/terminal.hpp"

namespace polysem::program::incidental {

namespace {

using Series = figures::Series;

std::vector<Setup> setups_of(const Arguments& a) {
  std::vector<Setup> setups;
  for (const char* name : {"none", "decay", "L1", "both"}) {
    Setup s = setup_of(a, only_neurons(a));
    s.name = name;
    if (s.name == "none" || s.name == "L1") s.training.weight_decay = 0;
    if (s.name == "none" || s.name == "decay") s.training.l1 = 0;
    setups.push_back(s);
  }
  return setups;
}

figures::Panel bars(const std::vector<Setup>& setups, const std::vector<Measured>& found,
                    Mean Measured::*what, const std::string& label) {
  figures::Panel panel;
  panel.y.label = label;
  Series series{.name = "", .kind = Series::Kind::kBars, .colour = 0};
  for (std::size_t i = 0; i < setups.size(); ++i) {
    const Mean& mean = found[i].*what;
    panel.x.ticks.emplace_back(static_cast<double>(i), setups[i].name);
    series.x.push_back(static_cast<double>(i)), series.y.push_back(mean.value);
    series.error.push_back(mean.standard_error);
  }
  panel.series = {series};
  return panel;
}

Outcome run(const Arguments& a, Session& session) {
  const std::vector<Setup> setups = setups_of(a);
  const std::vector<Measured> found = measure(a, session, setups);
  Outcome outcome;
  outcome.table = {{"regularisation", "polysemantic", "expected where sparse", "strong a feature",
                    "sum of W^4", "error a feature", "diverged"}};
  for (std::size_t i = 0; i < setups.size(); ++i) {
    const Measured& m = found[i];
    outcome.table.push_back({setups[i].name, mean_text(m.polysemantic), significant(m.expected, 4),
                             mean_text(m.strong), mean_text(m.fourth_power), mean_text(m.error, 2),
                             std::to_string(setups[i].config.instances - m.converged())});
    outcome.result["points"].push_back(point_json(setups[i], m));
    add_instances(outcome.result, setups[i], m);
    outcome.weights.push_back(weights_of(setups[i], m));
  }
  outcome.figure.description = "Collisions and sparsity of features by regularisation.";
  outcome.figure.panels = {bars(setups, found, &Measured::polysemantic, "polysemantic neurons"),
                           bars(setups, found, &Measured::strong, "strong weights of a feature"),
                           bars(setups, found, &Measured::fourth_power, "mean over features of Σ W⁴")};
  outcome.figure.panel_width = 240;
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "incidental regularization",
      .summary = "L1, weight decay, both, none: which of them puts features on single neurons",
      .positional = "",
      .details =
          "Expected: with L1 (alone or with weight decay) a feature has one strong weight (.98 to 1.02) and "
          "collisions "
          "come as chance has it, within 3 standard errors + 15 %; without it features stay spread out, "
          "there is no "
          "strong weight, and nothing to collide. The same with --quick.",
      .example = "polysem incidental regularization --quick --out regularization",
      .options = options({.instances = "50", .quick_instances = "20"}),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& regularization() {
  static const Experiment only = {&command(), "Which regulariser does it",
                                  "L1 puts every feature on one neuron, and with that come collisions. "
                                  "Weight decay does neither: it is the same "
                                  "in every direction, and prefers no neuron.",
                                  run};
  return only;
}

}  // namespace polysem::program::incidental
