// polysem toy geometry: dimensions a feature gets, over density; plateaus at 1 and 1/2 (Elhage et al. 2022).
#include <algorithm>
#include <cmath>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"

namespace polysem::program::toy {

namespace {

using Series = figures::Series;

constexpr double kNear = 0.01;  // how far a dimensionality may be from a fraction to count as it

struct Fraction {
  double value;
  const char* name;
};
constexpr Fraction kFractions[] = {{0, "0"},         {3.0 / 8, "3/8"}, {2.0 / 5, "2/5"}, {1.0 / 2, "1/2"},
                                   {2.0 / 3, "2/3"}, {3.0 / 4, "3/4"}, {1, "1"}};

std::vector<double> dimensionalities(const Trained& t) {
  std::vector<double> values;
  for (std::size_t f = 0; f < t.geometry.norms.size(); ++f)
    if (t.geometry.norms[f] > 0.5) values.push_back(t.geometry.dimensionality[f]);
  return values;
}

double share_near(const std::vector<double>& values, double fraction) {
  const auto near =
      std::count_if(values.begin(), values.end(), [&](double d) { return std::abs(d - fraction) <= kNear; });
  return values.empty() ? 0 : static_cast<double>(near) / static_cast<double>(values.size());
}

figures::Figure figure_of(const ToySize& size, const std::vector<double>& densities, const TrainedSet& set) {
  figures::Figure figure;
  figure.description = "Dimensions per feature over density, as a mean and for every feature.";
  figures::Panel mean, each;
  mean.title = "mean", each.title = "every feature";
  mean.x = each.x = {.label = "1 / density", .log = true};
  mean.y = {.label = "D* = " + std::to_string(size.dims) + " / |W|² (dimensions a feature)",
            .lowest = 0,
            .highest = 1.05};
  each.y = {.label = "dimensionality of a feature", .lowest = 0, .highest = 1.05};
  for (const Fraction& f : kFractions)
    if (f.value != 3.0 / 8) each.y.ticks.emplace_back(f.value, f.name);
  Series line{.name = "D*", .kind = Series::Kind::kLineAndPoints};
  Series points{.name = "features with |W| > 0.5", .kind = Series::Kind::kPoints};
  points.size = 0.4, points.opacity = 0.25;
  for (std::size_t i = 0; i < densities.size(); ++i) {
    const Trained& t = set.instances[i];
    line.x.push_back(1 / densities[i]);
    line.y.push_back(t.diverged ? NAN : t.geometry.dims_per_feature);
    if (t.diverged) continue;
    for (const double d : dimensionalities(t)) points.x.push_back(1 / densities[i]), points.y.push_back(d);
  }
  mean.series = {line}, each.series = {points};
  figure.panels = {mean, each};
  figure.panel_height = 260;
  return figure;
}

Outcome run(const Arguments& a, Session& session) {
  const ToySize size = size_of(a);
  const double from = density_of(a, "density-from"), to = density_of(a, "density-to");
  if (from <= to) a.refuse("density-to", "must be below --density-from");
  const std::vector<double> densities = spaced_by_ratio(from, to, a.integer("points", 2, 10000));
  TrainPlan plan{.config = {.features = size.features, .dims = size.dims}, .training = training_of(a)};
  plan.config.instances = static_cast<std::int64_t>(densities.size());
  for (const double density : densities) {
    plan.config.density.insert(plan.config.density.end(), static_cast<std::size_t>(size.features),
                               static_cast<float>(density));
    plan.config.importance.insert(plan.config.importance.end(), static_cast<std::size_t>(size.features),
                                  1.0f);
  }
  plan.samples = a.integer("samples", 2, std::int64_t{1} << 40);
  const TrainedSet set = train_and_measure(a, session, plan);

  Outcome outcome;
  outcome.table = {
      {"density", "loss", "represented", "D*", "sum of D_i", "near 1 (%)", "near 1/2 (%)", "near 2/5 (%)"}};
  for (std::size_t i = 0; i < densities.size(); ++i) {
    const Trained& t = set.instances[i];
    nlohmann::json instance = instance_json(plan.config, set, static_cast<std::int64_t>(i));
    instance["density"] = densities[i];
    std::vector<std::string> row = {significant(densities[i], 3), loss_text(t)};
    if (!t.diverged) {
      const std::vector<double> values = dimensionalities(t);
      for (const Fraction& f : kFractions) instance["near"][f.name] = share_near(values, f.value);
      const std::vector<std::string> more = {std::to_string(t.represented),
                                             significant(t.geometry.dims_per_feature, 3),
                                             significant(t.geometry.capacity, 4)};
      row.insert(row.end(), more.begin(), more.end());
      for (const double f : {1.0, 0.5, 0.4}) row.push_back(significant(100 * share_near(values, f), 3));
    }
    outcome.table.push_back(row);
    outcome.result["instances"].push_back(instance);
  }
  outcome.weights = weight_tensors(plan.config, set.weights);
  outcome.figure = figure_of(size, densities, set);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "toy geometry",
      .summary = "dimensions that a feature gets, over density: sticky at 1 and 1/2",
      .positional = "",
      .details =
          "Many equally important features in few dimensions, one instance for each density. D* is the mean "
          "number "
          "of dimensions a feature gets; the dimensionality of single features clusters at fractions that "
          "belong "
          "to polytopes: 1, 3/4 tetrahedron, 2/3 triangle, 1/2 digon, 2/5 pentagon, 3/8 square antiprism. "
          "With "
          "--quick 80 features in 8 dimensions, in which at least a tenth is within 0.01 of 1/2 at some "
          "density.",
      .example = "polysem toy geometry --out geometry",
      .options = joined(
          {
              {.name = "features", .value_name = "N", .value = "400", .help = "features", .quick = "80"},
              {.name = "dims", .value_name = "M", .value = "30", .help = "dimensions", .quick = "8"},
              {.name = "density-from", .value_name = "P", .value = "1", .help = "highest density"},
              {.name = "density-to", .value_name = "P", .value = "0.01", .help = "lowest density"},
              {.name = "points", .value_name = "N", .value = "20", .help = "densities", .quick = "10"},
              {.name = "samples", .value_name = "N", .value = "10000", .help = "samples of a loss"},
          },
          training_options({.steps = "10000",
                            .quick_steps = "4000",
                            .lr = "1e-3",
                            .quick_lr = "3e-3",
                            .quick_batch = "512"})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& geometry() {
  static const Experiment only = {&command(), "The geometry of uniform superposition",
                                  "Dimensions a feature gets, over sparsity. Dense features have a dimension "
                                  "each; as they get sparser the mean "
                                  "sticks at one half, where features lie in pairs of opposite directions, "
                                  "before more complex polytopes form.",
                                  run};
  return only;
}

}  // namespace polysem::program::toy
