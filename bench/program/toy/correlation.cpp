// polysem toy correlation: features that come together, or one instead of the other (Elhage et al. 2022).
#include <algorithm>
#include <cmath>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"

namespace polysem::program::toy {

namespace {

using Series = figures::Series;
using Sets = FeatureFill::Sets;

struct Kind {
  const char* name;
  Sets sets;
};
constexpr Kind kKinds[] = {
    {"independent", Sets::kIndependent}, {"correlated", Sets::kTogether}, {"anticorrelated", Sets::kOneOf}};

// Mean and least cosine of two features of one set, over features that are represented; NaN where none are.
struct Cosines {
  double mean = NAN, least = NAN, largest = NAN;
};

Cosines within_sets(const Trained& t, const ToyConfig& c, std::int64_t set_size) {
  Cosines found;
  double sum = 0;
  std::int64_t pairs = 0;
  for (std::int64_t i = 0; i < c.features; ++i) {
    for (std::int64_t j = i / set_size * set_size; j < i; ++j) {
      const double norms =
          t.geometry.norms[static_cast<std::size_t>(i)] * t.geometry.norms[static_cast<std::size_t>(j)];
      if (norms < 0.25) continue;
      double product = 0;
      for (std::int64_t k = 0; k < c.dims; ++k)
        product += double{t.directions[static_cast<std::size_t>(i * c.dims + k)]} *
                   t.directions[static_cast<std::size_t>(j * c.dims + k)];
      const double cosine = product / norms;
      sum += cosine;
      found.least = pairs == 0 ? cosine : std::min(found.least, cosine);
      found.largest = pairs == 0 ? cosine : std::max(found.largest, cosine);
      ++pairs;
    }
  }
  if (pairs > 0) found.mean = sum / static_cast<double>(pairs);
  return found;
}

struct Study {
  ToyConfig config;
  TrainedSet set;
};

Study trained(const Arguments& a, Session& session, const Kind& kind, const std::vector<double>& densities,
              std::int64_t set_size) {
  const std::int64_t each = a.integer("instances", 1, 100000);
  Study study;
  const ToySize size = size_of(a);
  study.config = {.features = size.features, .dims = size.dims};
  ToyConfig& c = study.config;
  c.instances = each * static_cast<std::int64_t>(densities.size());
  c.sets = kind.sets, c.set_size = kind.sets == Sets::kIndependent ? 1 : set_size;
  const bool feature_density = a.choice("density-of", {"set", "feature"}) == "feature";
  for (const double density : densities) {
    double p = density;
    if (kind.sets == Sets::kOneOf && feature_density) p *= static_cast<double>(set_size);
    if (p > 1) a.refuse("density", "times the size of a set must not exceed 1");
    c.density.insert(c.density.end(), static_cast<std::size_t>(each * c.features), static_cast<float>(p));
  }
  c.importance.assign(c.biases(), 1.0f);
  TrainPlan plan{.config = c, .training = training_of(a)};
  plan.restarts = a.integer("restarts", 1, 10000);
  plan.label = std::string("training ") + kind.name;
  plan.samples = a.integer("samples", 2, std::int64_t{1} << 40);
  study.set = train_and_measure(a, session, plan);
  return study;
}

figures::Panel arrows(const Study& study, std::int64_t number, const std::string& title,
                      std::int64_t set_size) {
  figures::Panel panel;
  panel.title = title;
  const ToyConfig& c = study.config;
  const std::int64_t sets = c.features / set_size;
  for (std::int64_t f = 0; f < c.features; ++f) {
    const auto row = study.set.instances[static_cast<std::size_t>(number)].rows(c.features, c.dims).row(f);
    panel.arrows.tips.push_back({row[0], c.dims > 1 ? row[1] : 0.0f});
    panel.arrows.shade.push_back(
        sets == 1 ? 0.3 : 0.8 * static_cast<double>(f / set_size) / static_cast<double>(sets - 1));
  }
  return panel;
}

struct Moments {
  double mean = NAN, error = 0;
};
Moments moments(const std::vector<double>& values) {
  Moments m;
  if (values.empty()) return m;
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  const auto n = static_cast<double>(values.size());
  m.mean = sum / n;
  for (const double v : values) squares += (v - m.mean) * (v - m.mean);
  if (values.size() > 1) m.error = std::sqrt(squares / (n - 1) / n);
  return m;
}

Outcome run(const Arguments& a, Session& session) {
  const std::vector<double> densities = densities_of(a, "density");
  const std::int64_t set_size = a.integer("set-size", 2, size_of(a).features);
  if (size_of(a).features % set_size != 0) a.refuse("set-size", "must divide the number of features");
  Outcome outcome;
  outcome.table = {
      {"features are", "density", "cosine within a set", "least", "largest", "represented", "loss"}};
  outcome.figure.description =
      "Features of a toy model that are independent, correlated in sets, or anticorrelated; one colour a "
      "set.";
  figures::Panel cosines;
  cosines.title = "within a set";
  cosines.x = {.label = "density",
               .log = true,
               .lowest = *std::min_element(densities.begin(), densities.end()) / 1.3,
               .highest = *std::max_element(densities.begin(), densities.end()) * 1.3};
  cosines.y = {.label = "mean cosine, standard error", .lowest = -1.05, .highest = 1.05};
  for (const Kind& kind : kKinds) {
    const Study study = trained(a, session, kind, densities, set_size);
    const auto each = study.config.instances / static_cast<std::int64_t>(densities.size());
    Series series{.name = kind.name};
    for (std::size_t d = 0; d < densities.size(); ++d) {
      std::vector<double> means;
      double least = INFINITY, largest = -INFINITY, loss = 0, represented = 0;
      for (std::int64_t i = static_cast<std::int64_t>(d) * each; i < static_cast<std::int64_t>(d + 1) * each;
           ++i) {
        const Trained& t = study.set.instances[static_cast<std::size_t>(i)];
        nlohmann::json instance = instance_json(study.config, study.set, i);
        instance["kind"] = kind.name, instance["density"] = densities[d];
        if (!t.diverged) {
          const Cosines c = within_sets(t, study.config, set_size);
          instance["cosine_within_sets"] = {{"mean", c.mean}, {"least", c.least}, {"largest", c.largest}};
          if (std::isfinite(c.mean)) {
            means.push_back(c.mean);
            least = std::min(least, c.least), largest = std::max(largest, c.largest);
          }
          loss += t.loss.value, represented += static_cast<double>(t.represented);
        }
        outcome.result["instances"].push_back(instance);
      }
      const Moments m = moments(means);
      series.x.push_back(densities[d]), series.y.push_back(m.mean), series.error.push_back(m.error);
      const auto shown = [&](double value) { return means.empty() ? "" : significant(value, 3); };
      outcome.table.push_back({kind.name, significant(densities[d], 3), shown(m.mean), shown(least),
                               shown(largest), significant(represented / static_cast<double>(each), 3),
                               significant(loss / static_cast<double>(each), 4)});
    }
    cosines.series.push_back(series);
    if (study.config.dims <= 2 && !study.set.instances.back().diverged)
      outcome.figure.panels.push_back(
          arrows(study, study.config.instances - 1,
                 std::string(kind.name) + ", density " + significant(densities.back(), 3), set_size));
    for (NamedTensor& tensor : weight_tensors(study.config, study.set.weights)) {
      tensor.name += std::string(".") + kind.name;
      outcome.weights.push_back(std::move(tensor));
    }
  }
  outcome.figure.panels.push_back(cosines);
  outcome.figure.columns = 2;
  outcome.figure.panel_width = 250;
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "toy correlation",
      .summary = "features that come together, or one instead of the other",
      .positional = "",
      .details =
          "Two pairs of features in two dimensions. Pairs that are active together are kept orthogonal or "
          "side by "
          "side, never opposite: cosines of at least -0.1. Pairs of which one is active at a time become "
          "opposite: cosines of at most -0.9. The same holds with --quick. Other pairings are local minima, "
          "so "
          "each instance is the best of several restarts.",
      .example = "polysem toy correlation --out correlation",
      .options = joined(
          {
              {.name = "features", .value_name = "N", .value = "4", .help = "features"},
              {.name = "dims", .value_name = "M", .value = "2", .help = "dimensions"},
              {.name = "set-size", .value_name = "N", .value = "2", .help = "features of a set"},
              {.name = "density",
               .value_name = "P",
               .value = "0.05,0.0236,0.0112,0.0053,0.0025",
               .help = "probability that a set is active",
               .list = true,
               .quick = "0.05,0.0112"},
              {.name = "density-of",
               .value_name = "WHAT",
               .value = "set",
               .help = "whether --density is that of a set or, where one of a set is active, of a feature"},
              {.name = "instances",
               .value_name = "K",
               .value = "5",
               .help = "instances of each density",
               .quick = "3"},
              {.name = "restarts",
               .value_name = "R",
               .value = "24",
               .help = "initialisations of each instance, the best of which counts"},
              {.name = "samples",
               .value_name = "N",
               .value = "50000",
               .help = "samples of a loss that is not exact"},
          },
          training_options({.quick_steps = "2000", .lr = "3e-3", .quick_batch = "512", .decay = "0.3"})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& correlation() {
  static const Experiment only = {&command(), "Correlated and anticorrelated features",
                                  "Two pairs of features in two dimensions, one colour a pair. Features that "
                                  "are active together avoid being "
                                  "opposite, for then they would cancel; of two that are never active "
                                  "together, one is the other's opposite.",
                                  run};
  return only;
}

}  // namespace polysem::program::toy
