// polysem toy superposition: features through fewer dimensions (Elhage et al. 2022, arXiv 2209.10652).
#include <algorithm>
#include <cmath>
#include <optional>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"
#include "polysem/toy_optimum.hpp"

namespace polysem::program::toy {

namespace {

using Sets = FeatureFill::Sets;

Sets sets_of(const Arguments& a) {
  const std::string word = a.choice("correlation", {"none", "correlated", "anticorrelated"});
  return word == "none" ? Sets::kIndependent : word == "correlated" ? Sets::kTogether : Sets::kOneOf;
}

// Probability that a set is active such that --density is what --density-of says.
double set_density(const Arguments& a, const ToyConfig& c, double density) {
  const std::string of = a.choice("density-of", {"set", "feature"});
  if (c.sets != Sets::kOneOf || of == "set") return density;
  const double set = density * static_cast<double>(c.set_size);
  if (set > 1)
    a.refuse("density", "features of which one of " + std::to_string(c.set_size) +
                            " is active can have a density of at most 1/" + std::to_string(c.set_size));
  return set;
}

ToyConfig config_of(const Arguments& a, const std::vector<double>& densities) {
  const ToySize size = size_of(a);
  ToyConfig c{.features = size.features, .dims = size.dims};
  const std::int64_t each = a.integer("instances", 1, 100000);
  c.instances = each * static_cast<std::int64_t>(densities.size());
  c.sets = sets_of(a);
  const std::int64_t set_size = a.integer("set-size", 1, 1 << 20);
  if (c.sets != Sets::kIndependent) c.set_size = set_size;
  if (c.features % c.set_size != 0)
    a.refuse("set-size", "must divide the number of features, " + std::to_string(c.features));
  const std::string activation = a.choice("activation", {"relu", "linear", "abs"});
  c.relu_output = activation != "linear";
  if (activation == "abs") c.symmetric = c.absolute_target = c.relu_hidden = true, c.tied = false;
  const double decay = a.number("importance", 1e-6, 1e6);
  if (!std::isfinite(std::pow(decay, static_cast<double>(c.features - 1))) ||
      std::pow(decay, static_cast<double>(c.features - 1)) > 1e30)
    a.refuse("importance", "the importance of the last feature, DECAY^(features - 1), is too large");
  for (std::int64_t i = 0; i < c.instances; ++i) {
    const double density = set_density(a, c, densities[static_cast<std::size_t>(i / each)]);
    for (std::int64_t f = 0; f < c.features; ++f) {
      c.density.push_back(static_cast<float>(density));
      c.importance.push_back(static_cast<float>(std::pow(decay, static_cast<double>(f))));
    }
  }
  return c;
}

// The instance of least loss among those of one density; -1 where all diverged.
std::int64_t best_of(const TrainedSet& set, std::int64_t first, std::int64_t count) {
  std::int64_t best = -1;
  for (std::int64_t i = first; i < first + count; ++i) {
    const Trained& t = set.instances[static_cast<std::size_t>(i)];
    if (t.diverged) continue;
    if (best < 0 || t.loss.value < set.instances[static_cast<std::size_t>(best)].loss.value) best = i;
  }
  return best;
}

std::string density_text(double density) { return "density " + significant(density, 3); }

figures::Panel arrows(const ToyConfig& c, const Trained& t, const std::string& title) {
  figures::Panel panel;
  panel.title = title;
  for (std::int64_t f = 0; f < c.features; ++f) {
    const auto row = t.rows(c.features, c.dims).row(f);
    panel.arrows.tips.push_back({row[0], c.dims > 1 ? row[1] : 0.0f});
    panel.arrows.shade.push_back(
        c.features == 1 ? 0 : static_cast<double>(f) / static_cast<double>(c.features - 1));
  }
  return panel;
}

// Lengths of the features, and how much others are in their way.
figures::Panel bars(const ToyConfig& c, const Trained& t, const std::string& title) {
  using Series = figures::Series;
  figures::Panel panel;
  panel.title = title;
  panel.x.label = "feature", panel.y.label = "length and interference (1)";
  panel.y.lowest = 0;
  Series norms{.name = "length |W|", .kind = Series::Kind::kBars}, interference = norms;
  interference.name = "interference";
  for (std::int64_t f = 0; f < c.features; ++f) {
    norms.x.push_back(static_cast<double>(f)), interference.x.push_back(static_cast<double>(f));
    norms.y.push_back(t.geometry.norms[static_cast<std::size_t>(f)]);
    interference.y.push_back(t.geometry.interference[static_cast<std::size_t>(f)]);
  }
  panel.series = {norms, interference};
  return panel;
}

figures::Figure figure_of(const ToyConfig& c, const TrainedSet& set, const std::vector<double>& densities,
                          std::int64_t each) {
  figures::Figure figure;
  figure.description = "Features of a toy model as it represents them, one panel for each density.";
  for (std::size_t d = 0; d < densities.size(); ++d) {
    const std::int64_t best = best_of(set, static_cast<std::int64_t>(d) * each, each);
    figures::Panel panel;
    panel.title = density_text(densities[d]) + ": all diverged";
    if (best >= 0) {
      const Trained& t = set.instances[static_cast<std::size_t>(best)];
      const bool drawn = c.dims <= 2 && c.features <= 64;
      panel = drawn ? arrows(c, t, density_text(densities[d]) + ": " + t.polytope.name)
                    : bars(c, t, density_text(densities[d]) + ": " + counted(t.represented, "feature"));
    }
    figure.panels.push_back(panel);
  }
  if (c.dims <= 2) figure.panel_width = figure.panel_height = 230;
  return figure;
}

// The local minimum of the exact loss next to a trained instance, where it is quick to find; what training
// could reach there at best.
std::optional<double> optimum_near(const ToyConfig& c, const TrainedSet& set, std::int64_t number) {
  constexpr std::int64_t kMostFeatures = 6;
  const Trained& t = set.instances[static_cast<std::size_t>(number)];
  if (!t.loss.exact || !c.relu_output || c.features > kMostFeatures) return std::nullopt;
  return minimise_relu_loss(toy_instance(c, set.weights, number)).loss;
}

Outcome run(const Arguments& a, Session& session) {
  const std::vector<double> densities = densities_of(a, "density");
  TrainPlan plan{.config = config_of(a, densities), .training = training_of(a)};
  plan.restarts = a.integer("restarts", 1, 10000);
  plan.samples = a.integer("samples", 2, std::int64_t{1} << 40);
  const TrainedSet set = train_and_measure(a, session, plan);
  const std::int64_t each = plan.config.instances / static_cast<std::int64_t>(densities.size());

  Outcome outcome;
  outcome.table = {{"density", "instances", "diverged", "best loss", "optimum there", "mean loss",
                    "represented", "D*", "geometry of the best"}};
  nlohmann::json best_list = nlohmann::json::array();
  for (std::size_t d = 0; d < densities.size(); ++d) {
    const std::int64_t first = static_cast<std::int64_t>(d) * each, best = best_of(set, first, each);
    double sum = 0;
    std::int64_t good = 0;
    for (std::int64_t i = first; i < first + each; ++i) {
      const Trained& t = set.instances[static_cast<std::size_t>(i)];
      if (!t.diverged) sum += t.loss.value, ++good;
    }
    std::vector<std::string> row = {significant(densities[d]), std::to_string(each),
                                    std::to_string(each - good)};
    nlohmann::json summary = {{"density", densities[d]}, {"diverged", each - good}, {"best", nullptr}};
    if (best >= 0) {
      const Trained& t = set.instances[static_cast<std::size_t>(best)];
      const std::optional<double> optimum = optimum_near(plan.config, set, best);
      const std::vector<std::string> more = {loss_text(t),
                                             optimum ? significant(*optimum, 6) : "",
                                             significant(sum / static_cast<double>(good), 6),
                                             std::to_string(t.represented),
                                             significant(t.geometry.dims_per_feature, 3),
                                             t.polytope.name};
      row.insert(row.end(), more.begin(), more.end());
      if (optimum) summary["optimum"] = *optimum;
      summary["best"] = best, summary["best_loss"] = t.loss.value, summary["represented"] = t.represented;
      summary["mean_loss"] = sum / static_cast<double>(good), summary["geometry"] = t.polytope.name;
    }
    outcome.table.push_back(row);
    best_list.push_back(summary);
  }
  outcome.result["restarts"] = plan.restarts;
  outcome.result["summary"] = best_list;
  outcome.result["instances"] = nlohmann::json::array();
  for (std::int64_t i = 0; i < plan.config.instances; ++i) {
    nlohmann::json instance = instance_json(plan.config, set, i);
    instance["density"] = densities[static_cast<std::size_t>(i / each)];
    outcome.result["instances"].push_back(instance);
  }
  outcome.weights = weight_tensors(plan.config, set.weights);
  outcome.figure = figure_of(plan.config, set, densities, each);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "toy superposition",
      .summary = "features through fewer dimensions: which are kept, and in which geometry",
      .positional = "",
      .details =
          "Trains x' = ReLU(W^T W x + b), or without ReLU, on sparse features, many instances side by side, "
          "and "
          "tells for each its exact loss where that is possible, the features represented and the polytope "
          "that "
          "they form. Several densities, separated by commas, give as many panels.",
      .example =
          "polysem toy superposition --features 5 --dims 2 --density 0.05 --instances 20 --out pentagon",
      .options = joined(
          {
              {.name = "features", .value_name = "N", .value = "5", .help = "features"},
              {.name = "dims", .value_name = "M", .value = "2", .help = "dimensions of the hidden layer"},
              {.name = "density",
               .value_name = "P",
               .value = "1,0.2,0.05",
               .help = "probability that a feature is active; several are trained side by side",
               .list = true},
              {.name = "importance",
               .value_name = "DECAY",
               .value = "1",
               .help = "feature i counts DECAY^i in the loss"},
              {.name = "activation",
               .value_name = "NAME",
               .value = "relu",
               .help = "relu or linear output; abs: x in [-1, 1], target |x|, ReLU hidden layer, untied"},
              {.name = "correlation",
               .value_name = "KIND",
               .value = "none",
               .help =
                   "none; correlated: features of a set are active together; anticorrelated: one of a set"},
              {.name = "set-size", .value_name = "N", .value = "2", .help = "features of a correlated set"},
              {.name = "density-of",
               .value_name = "WHAT",
               .value = "set",
               .help = "whether --density is that of a set or, where one of a set is active, of a feature"},
              {.name = "instances",
               .value_name = "K",
               .value = "20",
               .help = "instances of each density",
               .quick = "8"},
              {.name = "restarts",
               .value_name = "R",
               .value = "1",
               .help = "initialisations of each instance, the best of which counts"},
              {.name = "samples",
               .value_name = "N",
               .value = "100k",
               .help = "samples of a loss that is not exact"},
          },
          training_options({.quick_steps = "3000", .quick_lr = "3e-3"})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& superposition() {
  static const Experiment only = {
      &command(), "Superposition",
      "Five features in two dimensions. Dense features: two dimensions hold two features' worth. Sparse "
      "features: all five are kept, as a pentagon, at the price of some interference.",
      run};
  return only;
}

}  // namespace polysem::program::toy
