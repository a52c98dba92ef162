// polysem toy phase: what becomes of one more feature, over density and importance (Elhage et al. 2022).
#include <algorithm>
#include <cmath>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"
#include "polysem/toy_optimum.hpp"

namespace polysem::program::toy {

namespace {

// Numbers of kPhases, as the figure wants them.
constexpr double kNotRepresented = 0, kOwnDimension = 1, kSuperposition = 2;
const std::vector<std::string> kPhases = {"extra feature not represented", "extra feature has a dimension",
                                          "superposition"};

// A feature counts as represented from this length on.
constexpr double kLeastNorm = 0.5;

// The extra feature is the last.
double phase_of(const ToyInstance& t) {
  const auto n = static_cast<std::size_t>(t.features);
  std::vector<double> norms(n);
  for (std::size_t k = 0; k < static_cast<std::size_t>(t.dims); ++k)
    for (std::size_t i = 0; i < n; ++i) norms[i] += t.w[k * n + i] * t.w[k * n + i];
  if (norms.back() < kLeastNorm * kLeastNorm) return kNotRepresented;
  return *std::min_element(norms.begin(), norms.end()) < kLeastNorm * kLeastNorm ? kOwnDimension
                                                                                 : kSuperposition;
}

struct Grid {
  std::int64_t size;
  std::vector<double> density, importance;  ///< of columns and rows
  double lowest_density, highest_density, lowest_importance, highest_importance;
  std::int64_t cells() const { return size * size; }
  double density_of(std::int64_t cell) const { return density[static_cast<std::size_t>(cell % size)]; }
  double importance_of(std::int64_t cell) const { return importance[static_cast<std::size_t>(cell / size)]; }
};

// Values at the middles of `count` cells that share a range evenly by ratio.
std::vector<double> middles(double lowest, double highest, std::int64_t count) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(lowest *
                     std::pow(highest / lowest, (static_cast<double>(i) + 0.5) / static_cast<double>(count)));
  return values;
}

Grid grid_of(const Arguments& a) {
  Grid g{};
  g.size = a.integer("grid", 2, 1000);
  g.lowest_density = density_of(a, "density-from"), g.highest_density = density_of(a, "density-to");
  g.lowest_importance = a.number("importance-from", 1e-6, 1e6);
  g.highest_importance = a.number("importance-to", 1e-6, 1e6);
  if (g.lowest_density >= g.highest_density) a.refuse("density-from", "must be below --density-to");
  if (g.lowest_importance >= g.highest_importance)
    a.refuse("importance-from", "must be below --importance-to");
  g.density = middles(g.lowest_density, g.highest_density, g.size);
  g.importance = middles(g.lowest_importance, g.highest_importance, g.size);
  return g;
}

// n features in n - 1 dimensions: `own` says for each feature which axis it lies on, negative for the other
// way round, 0 for none. Lengths are a little uneven, so that no start is a saddle.
ToyInstance start_of(std::int64_t n, const std::vector<int>& own, double density, double importance) {
  const auto count = static_cast<std::size_t>(n);
  ToyInstance t{n,
                n - 1,
                std::vector<double>(count * (count - 1)),
                std::vector<double>(count, 0.01),
                std::vector<double>(count, density),
                std::vector<double>(count, 1.0)};
  t.importance.back() = importance;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k + 1 < count; ++k)
      t.w[k * count + i] = 0.03 * static_cast<double>(i + 1) - 0.02 * static_cast<double>(k);
    if (own[i] != 0) t.w[static_cast<std::size_t>(std::abs(own[i]) - 1) * count + i] += own[i] > 0 ? 1 : -1;
  }
  return t;
}

// The best local minimum that is found from each kind of solution.
ToyOptimum optimum_of(std::int64_t n, double density, double importance) {
  const std::vector<std::vector<int>> starts =
      n == 2 ? std::vector<std::vector<int>>{{1, 0}, {0, 1}, {1, -1}, {1, 1}}
             : std::vector<std::vector<int>>{{1, 2, 0}, {1, 0, 2}, {1, 2, -2}, {1, -1, 2}, {1, 2, -1}};
  ToyOptimum best;
  best.loss = 1e300;
  for (const auto& own : starts) {
    const ToyOptimum found = minimise_relu_loss(start_of(n, own, density, importance), 1e-8, 200);
    if (found.loss < best.loss) best = found;
  }
  return best;
}

struct Diagram {
  std::int64_t features = 0;
  std::vector<double> trained, exact;  ///< phases; NaN where all restarts diverged
  std::vector<double> trained_loss, exact_loss;
  ToyConfig config;
  TrainedSet set;
  std::int64_t compared = 0, agreeing = 0;
  double agreement() const {
    return compared == 0 ? 1 : static_cast<double>(agreeing) / static_cast<double>(compared);
  }
};

void train(const Arguments& a, Session& session, const Grid& grid, Diagram& d) {
  d.config = {.features = d.features, .dims = d.features - 1, .instances = grid.cells()};
  for (std::int64_t c = 0; c < grid.cells(); ++c) {
    for (std::int64_t f = 0; f < d.features; ++f) {
      d.config.density.push_back(static_cast<float>(grid.density_of(c)));
      d.config.importance.push_back(f == d.features - 1 ? static_cast<float>(grid.importance_of(c)) : 1.0f);
    }
  }
  TrainPlan plan{.config = d.config, .training = training_of(a)};
  plan.restarts = a.integer("restarts", 1, 10000), plan.name_polytopes = false;
  plan.label = "training " + std::to_string(d.features) + " features";
  d.set = train_and_measure(a, session, plan);
  for (std::int64_t c = 0; c < grid.cells(); ++c) {
    const Trained& t = d.set.instances[static_cast<std::size_t>(c)];
    d.trained.push_back(t.diverged ? NAN : phase_of(toy_instance(d.config, d.set.weights, c)));
    d.trained_loss.push_back(t.diverged ? NAN : t.loss.value);
  }
}

void solve(const Arguments& a, const Grid& grid, Diagram& d) {
  d.exact.resize(static_cast<std::size_t>(grid.cells())), d.exact_loss.resize(d.exact.size());
  in_parallel(grid.cells(), threads_of(a), [&](std::int64_t c) {
    const ToyOptimum best = optimum_of(d.features, grid.density_of(c), grid.importance_of(c));
    d.exact[static_cast<std::size_t>(c)] = phase_of(best.instance);
    d.exact_loss[static_cast<std::size_t>(c)] = best.loss;
  });
}

// Cells whose eight neighbours have the same exact phase are compared.
void compare(const Grid& grid, Diagram& d) {
  const auto phase = [&](std::int64_t row, std::int64_t col) {
    row = std::clamp<std::int64_t>(row, 0, grid.size - 1),
    col = std::clamp<std::int64_t>(col, 0, grid.size - 1);
    return d.exact[static_cast<std::size_t>(row * grid.size + col)];
  };
  for (std::int64_t c = 0; c < grid.cells(); ++c) {
    const std::int64_t row = c / grid.size, col = c % grid.size;
    bool inside = true;
    for (std::int64_t r = row - 1; r <= row + 1; ++r)
      for (std::int64_t k = col - 1; k <= col + 1; ++k) inside = inside && phase(r, k) == phase(row, col);
    if (!inside) continue;
    ++d.compared;
    if (d.trained[static_cast<std::size_t>(c)] == phase(row, col)) ++d.agreeing;
  }
}

// Where it costs the same, for |W| = 1, to drop the least important feature or to have it share a dimension
// with the next: of two features always both, of three the two of importance 1 where the extra one is worth
// more.
figures::Series boundary(const Grid& grid, std::int64_t features) {
  figures::Series line{.name = "closed form", .kind = figures::Series::Kind::kLine};
  line.colour = 1;
  for (const double r : middles(grid.lowest_importance, grid.highest_importance, 100)) {
    const double p = r <= 1 ? 2 * r / (1 + 2.5 * r) : 2 / (2.5 + (features == 2 ? r : 1));
    if (p < grid.lowest_density || p > grid.highest_density) continue;
    line.x.push_back(p), line.y.push_back(r);
  }
  return line;
}

figures::Panel panel_of(const Grid& grid, std::int64_t features, const std::vector<double>& phases,
                        const std::string& title) {
  figures::Panel panel;
  panel.title = title;
  panel.x = {.label = "density", .log = true, .lowest = grid.lowest_density, .highest = grid.highest_density};
  panel.y = {.label = "importance of the extra feature",
             .log = true,
             .lowest = grid.lowest_importance,
             .highest = grid.highest_importance};
  panel.heat_map.rows = panel.heat_map.cols = grid.size;
  panel.heat_map.values = phases;
  panel.heat_map.classes = kPhases;
  panel.series.push_back(boundary(grid, features));
  return panel;
}

nlohmann::json names_of(const std::vector<double>& phases) {
  nlohmann::json names = nlohmann::json::array();
  for (const double p : phases)
    names.push_back(std::isnan(p) ? nlohmann::json() : nlohmann::json(kPhases[static_cast<std::size_t>(p)]));
  return names;
}

void report(const Grid& grid, Diagram& d, bool alone, Outcome& outcome) {
  const std::string size = std::to_string(d.features) + " features, " + counted(d.features - 1, "dimension");
  outcome.figure.panels.push_back(panel_of(grid, d.features, d.trained, "trained: " + size));
  outcome.figure.panels.push_back(panel_of(grid, d.features, d.exact, "exact: " + size));
  outcome.table.push_back({std::to_string(d.features), std::to_string(d.features - 1),
                           std::to_string(grid.cells()), std::to_string(d.compared),
                           significant(100 * d.agreement(), 4)});
  outcome.result["diagrams"].push_back({{"features", d.features},
                                        {"dims", d.features - 1},
                                        {"trained", names_of(d.trained)},
                                        {"exact", names_of(d.exact)},
                                        {"trained_loss", d.trained_loss},
                                        {"exact_loss", d.exact_loss},
                                        {"cells_compared", d.compared},
                                        {"cells_agreeing", d.agreeing},
                                        {"agreement", d.agreement()}});
  for (std::int64_t c = 0; c < grid.cells(); ++c) {
    nlohmann::json instance = instance_json(d.config, d.set, c);
    instance["features"] = d.features;
    instance["density"] = grid.density_of(c), instance["importance"] = grid.importance_of(c);
    outcome.result["instances"].push_back(instance);
  }
  for (NamedTensor& tensor : weight_tensors(d.config, d.set.weights)) {
    if (!alone) tensor.name += std::to_string(d.features);
    outcome.weights.push_back(std::move(tensor));
  }
}

Outcome run(const Arguments& a, Session& session) {
  const Grid grid = grid_of(a);
  const std::vector<std::int64_t> sizes = whole_numbers_of(a, "features", 2, 3);
  Outcome outcome;
  outcome.table = {{"features", "dims", "cells", "away from boundaries", "agree with the exact phase (%)"}};
  outcome.result["phases"] = kPhases;
  outcome.result["densities"] = grid.density, outcome.result["importances"] = grid.importance;
  outcome.figure.description =
      "Phases of an extra feature over density and importance; each trained diagram has the exact one beside "
      "it.";
  outcome.figure.columns = 2;
  outcome.figure.panel_width = outcome.figure.panel_height = 230;
  for (const std::int64_t size : sizes) {
    Diagram diagram;
    diagram.features = size;
    train(a, session, grid, diagram);
    solve(a, grid, diagram);
    compare(grid, diagram);
    report(grid, diagram, sizes.size() == 1, outcome);
  }
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "toy phase",
      .summary = "phase diagrams of one feature too many, trained and exact side by side",
      .positional = "",
      .details =
          "N features in N - 1 dimensions, the last of which has another importance: is it dropped, does it "
          "take "
          "a dimension from another, or do two share one? Each cell of the grid is trained, and its exact "
          "loss is "
          "minimised from every kind of solution. Agreement is counted on cells none of whose eight "
          "neighbours "
          "has another exact phase: at least 97 % is expected, with --quick at least 90 %.",
      .example = "polysem toy phase --features 2 --grid 20 --out phase",
      .options = joined(
          {
              {.name = "features", .value_name = "N", .value = "2,3", .help = "2, 3 or both", .list = true},
              {.name = "grid", .value_name = "N", .value = "20", .help = "cells a side", .quick = "8"},
              {.name = "density-from", .value_name = "P", .value = "0.01", .help = "lowest density"},
              {.name = "density-to", .value_name = "P", .value = "1", .help = "highest density"},
              {.name = "importance-from", .value_name = "I", .value = "0.1", .help = "lowest importance"},
              {.name = "importance-to", .value_name = "I", .value = "10", .help = "highest importance"},
              {.name = "restarts",
               .value_name = "R",
               .value = "10",
               .help = "initialisations of each cell, the best of which counts",
               .quick = "8"},
          },
          training_options(
              {.steps = "4000", .quick_steps = "1500", .lr = "1e-2", .decay = "0.5", .weight_decay = "0"})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& phase() {
  static const Experiment only = {
      &command(), "Phase diagrams",
      "What becomes of a feature for which there is no dimension left, over its importance and the density "
      "of all. "
      "Left as trained, right the exact optimum; the line is the closed form for unit lengths.",
      run};
  return only;
}

}  // namespace polysem::program::toy
