// polysem incidental sparsity: L1 lets one neuron win each feature.
#include <cmath>

#include "bench/program/incidental/experiments.hpp"
#include "bench/program/incidental/seeds.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"
#include "polysem/winner_takes_all.hpp"

namespace polysem::program::incidental {

namespace {

using Series = figures::Series;

WinnerConfig config_of(const Arguments& a) {
  WinnerConfig c;
  c.neurons = a.integer("neurons", 1, 1 << 24);
  c.lambda = a.number("lambda", 1e-12, 0.1);
  c.step = a.number("time-step", 1e-6, 1);
  c.spread = a.number("spread", 1e-6, 1.4);
  c.seed = static_cast<std::uint64_t>(a.integer("seed", 0, std::int64_t{1} << 53));
  return c;
}

struct Row {
  double time = 0;
  Mean nonzero, l1;
  WinnerPoint predicted;
};

std::vector<Row> follow(const Arguments& a, const WinnerConfig& config, const std::vector<double>& times) {
  const std::int64_t instances = a.integer("instances", 1, 1 << 16);
  std::vector<std::vector<WinnerPoint>> runs(static_cast<std::size_t>(instances));
  toy::in_parallel(instances, toy::threads_of(a), [&](std::int64_t i) {
    WinnerConfig one = config;
    one.seed += static_cast<std::uint64_t>(i);
    runs[static_cast<std::size_t>(i)] = winner_takes_all(one, times);
  });
  std::vector<Row> rows;
  for (std::size_t t = 0; t < times.size(); ++t) {
    std::vector<double> nonzero, l1;
    for (const auto& run : runs)
      nonzero.push_back(static_cast<double>(run[t].nonzero)), l1.push_back(run[t].l1);
    rows.push_back({times[t], mean_of(nonzero), mean_of(l1), predict_winners(config, times[t])});
  }
  return rows;
}

figures::Figure figure_of(const std::vector<Row>& rows) {
  figures::Figure figure;
  figure.description =
      "Weights of a feature that are not zero, and their sum, over time, with the predictions.";
  for (const bool count : {true, false}) {
    figures::Panel panel;
    panel.x = {.label = "time", .log = true};
    panel.y = {.label = count ? "weights that are not zero" : "sum of magnitudes |w|", .log = true};
    Series measured{.name = "simulated", .kind = Series::Kind::kPoints};
    Series predicted{.name = "predicted", .kind = Series::Kind::kLine};
    for (const Row& r : rows) {
      const Mean& mean = count ? r.nonzero : r.l1;
      measured.x.push_back(r.time), measured.y.push_back(mean.value);
      measured.error.push_back(mean.standard_error);
      predicted.x.push_back(r.time);
      predicted.y.push_back(count ? r.predicted.predicted_nonzero : r.predicted.predicted_l1);
    }
    panel.series = {predicted, measured};
    figure.panels.push_back(panel);
  }
  return figure;
}

Outcome run(const Arguments& a, Session&) {
  const WinnerConfig config = config_of(a);
  const double end = a.number("time", 1, 1e8);
  const auto rows = follow(a, config, toy::spaced_by_ratio(1, end, a.integer("points", 2, 1000)));
  Outcome outcome;
  outcome.table = {{"time", "not zero", "predicted", "ratio", "|w|_1", "predicted", "ratio"}};
  for (const Row& r : rows) {
    const double count = r.nonzero.value / r.predicted.predicted_nonzero,
                 sum = r.l1.value / r.predicted.predicted_l1;
    outcome.table.push_back({significant(r.time, 4), mean_text(r.nonzero, 5),
                             significant(r.predicted.predicted_nonzero, 4), significant(count, 3),
                             mean_text(r.l1, 4), significant(r.predicted.predicted_l1, 4),
                             significant(sum, 3)});
    outcome.result["points"].push_back({{"time", r.time},
                                        {"nonzero", mean_json(r.nonzero)},
                                        {"l1", mean_json(r.l1)},
                                        {"predicted_nonzero", r.predicted.predicted_nonzero},
                                        {"predicted_l1", r.predicted.predicted_l1},
                                        {"nonzero_ratio", count},
                                        {"l1_ratio", sum}});
  }
  outcome.figure = figure_of(rows);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "incidental sparsity",
      .summary = "L1 lets one neuron win each feature: weights left over time, beside the prediction",
      .positional = "",
      .details =
          "One feature under gradient flow, dw/dt = (1 - |w|^2) w - lambda sign(w), from many small weights. "
          "Predicted: |w|_1 = 1 / (1/sqrt(m) + lambda t), and its square weights that are not 0. For 100,000 "
          "neurons "
          "and lambda 1e-5 from t = 100 to 3e4 the simulation has 1 to 3.5 times as many, and .75 to 1.4 "
          "times the "
          "sum; with --quick the same for 10,000 neurons, lambda 1e-4, t from 100 to 3000.",
      .example = "polysem incidental sparsity --neurons 10000 --lambda 1e-4 --time 2e4 --out sparsity",
      .options =
          {
              {.name = "quick", .value_name = "", .value = "", .help = "a small version, in seconds"},
              {.name = "neurons",
               .value_name = "M",
               .value = "100000",
               .help = "weights of the feature",
               .quick = "10000"},
              {.name = "lambda",
               .value_name = "L",
               .value = "1e-5",
               .help = "strength of L1",
               .quick = "1e-4"},
              {.name = "time", .value_name = "T", .value = "2e5", .help = "end", .quick = "2e4"},
              {.name = "time-step", .value_name = "DT", .value = "0.5", .help = "of Euler's method"},
              {.name = "spread", .value_name = "S", .value = "0.9", .help = "weights start at |N(0, S^2/M)|"},
              {.name = "instances", .value_name = "K", .value = "16", .help = "seeds"},
              {.name = "points", .value_name = "N", .value = "23", .help = "times at which to look"},
          },
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& sparsity() {
  static const Experiment only = {&command(), "Winner takes all",
                                  "L1 takes the same from every weight, growth gives in proportion to size: "
                                  "weights die from the smallest on, "
                                  "until one neuron has the feature.",
                                  run};
  return only;
}

}  // namespace polysem::program::incidental
