// polysem incidental initialization: who wins is decided early, by the optimiser as well.
#include <span>

#include "bench/program/incidental/experiments.hpp"
#include "bench/program/incidental/seeds.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/toy/options.hpp"

namespace polysem::program::incidental {

namespace {

using Series = figures::Series;

struct Kind {
  const char* name;
  TiedInit init;
};
constexpr Kind kKinds[] = {
    {"normal", TiedInit::kNormal}, {"Xavier", TiedInit::kXavier}, {"non-negative", TiedInit::kNonNegative}};
// Not the non-negative one under SGD: its features all overlap at the start, and the rate that suits the
// others diverges.
constexpr std::size_t kSgdKinds = 2;

// AdamW as the options say, and SGD with the numbers that suit it.
std::vector<Setup> setups_of(const Arguments& a) {
  std::vector<Setup> setups;
  for (const char* optimiser : {"AdamW", "SGD"}) {
    const bool sgd = std::string(optimiser) == "SGD";
    for (const Kind& kind : std::span(kKinds).first(sgd ? kSgdKinds : std::size(kKinds))) {
      for (const std::int64_t neurons : neurons_of(a)) {
        Setup s = setup_of(a, neurons);
        s.name = std::string(optimiser) + ", " + kind.name + ", m" + std::to_string(neurons);
        s.init = kind.init;
        if (sgd) {
          s.training.optimiser = TiedTraining::Optimiser::kSgd;
          s.training.rate = a.number("sgd-lr", 1e-12, 1e6), s.training.l1 = a.number("sgd-l1", 0, 1e6);
          s.training.weight_decay = 0, s.training.steps = a.integer("sgd-steps", 1, std::int64_t{1} << 40);
        }
        setups.push_back(s);
      }
    }
  }
  return setups;
}

figures::Figure figure_of(const std::vector<Setup>& setups, const std::vector<Measured>& found,
                          std::size_t sizes) {
  figures::Figure figure;
  figure.description =
      "Collisions, and features that stay on their largest initial weight, by initialisation.";
  for (std::size_t optimiser = 0; optimiser < 2; ++optimiser) {
    figures::Panel collisions, kept;
    const std::string name = optimiser == 0 ? "AdamW" : "SGD";
    collisions.title = name + ": collisions", kept.title = name + ": who wins";
    collisions.y.label = "polysemantic neurons",
    kept.y = {.label = "share on the largest initial weight", .lowest = 0, .highest = 1};
    Series expected{.name = "expected by chance", .kind = Series::Kind::kLine, .colour = 6, .dashed = true};
    for (std::size_t kind = 0; kind < (optimiser == 0 ? std::size(kKinds) : kSgdKinds); ++kind) {
      Series count{.name = kKinds[kind].name}, share{.name = kKinds[kind].name};
      for (std::size_t i = 0; i < sizes; ++i) {
        const std::size_t at = (optimiser * 3 + kind) * sizes + i;
        const auto m = static_cast<double>(setups[at].config.neurons);
        count.x.push_back(m), count.y.push_back(found[at].polysemantic.value);
        count.error.push_back(found[at].polysemantic.standard_error);
        share.x.push_back(m), share.y.push_back(found[at].kept_winner.value);
        share.error.push_back(found[at].kept_winner.standard_error);
        if (kind == 0) expected.x.push_back(m), expected.y.push_back(found[at].expected);
      }
      collisions.series.push_back(count), kept.series.push_back(share);
    }
    collisions.series.push_back(expected);
    for (figures::Panel* panel : {&collisions, &kept}) {
      panel->x = {.label = "neurons m", .log = true};
      figure.panels.push_back(*panel);
    }
  }
  for (figures::Panel& panel : figure.panels)
    for (const double m : panel.series.front().x) panel.x.ticks.emplace_back(m, significant(m, 8));
  figure.columns = 2;
  return figure;
}

Outcome run(const Arguments& a, Session& session) {
  const std::vector<Setup> setups = setups_of(a);
  const std::vector<Measured> found = measure(a, session, setups);
  Outcome outcome;
  outcome.table = {{"optimiser, initialisation, neurons", "polysemantic", "expected",
                    "on the largest initial weight", "diverged"}};
  for (std::size_t i = 0; i < setups.size(); ++i) {
    const Measured& m = found[i];
    outcome.table.push_back({setups[i].name, mean_text(m.polysemantic), significant(m.expected, 4),
                             mean_text(m.kept_winner),
                             std::to_string(setups[i].config.instances - m.converged())});
    outcome.result["points"].push_back(point_json(setups[i], m));
    add_instances(outcome.result, setups[i], m);
    outcome.weights.push_back(weights_of(setups[i], m));
  }
  outcome.figure = figure_of(setups, found, neurons_of(a).size());
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "incidental initialization",
      .summary = "initial weights decide who wins (under SGD), and non-negative ones prevent collisions",
      .positional = "",
      .details =
          "Normal, Xavier and non-negative initial weights under AdamW, the first two under SGD. Expected "
          "for 32 features: "
          "no "
          "collision from non-negative weights; for 32, 64, 128, 256 neurons a share of .38, .48, .57, .63 "
          "of features "
          "on their largest initial weight under SGD, .19, .17, .15, .08 under AdamW, within .08 (--quick: "
          ".12).",
      .example = "polysem incidental initialization --neurons 64,128 --out initialization",
      .options = toy::joined(
          options({.neurons = "32,64,128,256",
                   .quick_neurons = "32,64",
                   .instances = "30",
                   .quick_instances = "5"}),
          {
              {.name = "sgd-lr", .value_name = "RATE", .value = "0.05", .help = "learning rate of SGD"},
              {.name = "sgd-l1", .value_name = "L", .value = "1e-2", .help = "L1 under SGD"},
              {.name = "sgd-steps", .value_name = "N", .value = "15000", .help = "steps of SGD"},
          }),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& initialization() {
  static const Experiment only = {&command(), "Initialisation decides",
                                  "Under SGD a feature tends to stay on the neuron where its weight was "
                                  "largest at the start; AdamW, which moves "
                                  "every weight at one pace, forgets more. Weights that start above 0 never "
                                  "collide: there are no opposite signs.",
                                  run};
  return only;
}

}  // namespace polysem::program::incidental
