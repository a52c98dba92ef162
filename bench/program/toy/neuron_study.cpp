#include "bench/program/toy/neuron_study.hpp"

#include <algorithm>
#include <cmath>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/options.hpp"

namespace polysem::program::toy {

namespace {

using Series = figures::Series;

ToyConfig filled(const NeuronStudy& study, const std::vector<double>& densities) {
  ToyConfig c = study.config;
  c.instances = static_cast<std::int64_t>(densities.size());
  for (const double density : densities) {
    for (std::int64_t f = 0; f < c.features; ++f) {
      c.density.push_back(static_cast<float>(density));
      c.importance.push_back(static_cast<float>(std::pow(study.importance, static_cast<double>(f))));
    }
  }
  return c;
}

std::span<const float> weights_of(const ToyConfig& c, const TrainedSet& set, std::size_t i) {
  const auto size = static_cast<std::size_t>(c.dims * c.features);
  return std::span<const float>(set.weights.w).subspan(i * size, size);
}

figures::Figure figure_of(const ToyConfig& c, const std::vector<double>& densities, const TrainedSet& set) {
  figures::Figure figure;
  figure.description =
      "Share of neurons that read several features, over density, and weights of some models.";
  figures::Panel share;
  share.title = "neurons that read several features";
  share.x = {.label = "density", .log = true};
  share.y = {.label = "share of neurons in use", .lowest = 0, .highest = 1.05};
  Series line{.name = "polysemantic neurons"};
  for (std::size_t i = 0; i < densities.size(); ++i) {
    line.x.push_back(densities[i]);
    line.y.push_back(
        set.instances[i].diverged
            ? NAN
            : neuron_use(weights_of(c, set, i), c.dims, c.features, c.symmetric).polysemantic_share());
  }
  share.series = {line};
  figure.panels.push_back(share);
  std::vector<std::size_t> shown = {0, densities.size() / 2, densities.size() - 1};
  shown.erase(std::unique(shown.begin(), shown.end()), shown.end());
  for (const std::size_t i : shown)
    if (!set.instances[i].diverged)
      figure.panels.push_back(weights_panel(weights_of(c, set, i), c.dims, c.features,
                                            "density " + significant(densities[i], 3), c.symmetric));
  figure.columns = 2;
  return figure;
}

}  // namespace

Outcome run_neuron_study(const Arguments& a, Session& session, const NeuronStudy& study) {
  const std::vector<double> densities = densities_of(a, "density");
  TrainPlan plan{.config = filled(study, densities), .training = training_of(a)};
  plan.restarts = a.integer("instances", 1, 100000), plan.name_polytopes = false;
  plan.samples = a.integer("samples", 2, std::int64_t{1} << 40);
  plan.label = study.label;
  const TrainedSet set = train_and_measure(a, session, plan);
  const ToyConfig& c = plan.config;
  Outcome outcome;
  outcome.table = {{"density", "loss", "dead", "monosemantic", "polysemantic", "features a neuron"}};
  for (std::size_t i = 0; i < densities.size(); ++i) {
    nlohmann::json instance = instance_json(c, set, static_cast<std::int64_t>(i));
    instance["density"] = densities[i];
    std::vector<std::string> row = {significant(densities[i], 3), loss_text(set.instances[i])};
    if (!set.instances[i].diverged) {
      const NeuronUse use = neuron_use(weights_of(c, set, i), c.dims, c.features, c.symmetric);
      instance["neurons"] = {{"features", use.features},
                             {"dead", use.dead},
                             {"monosemantic", use.monosemantic},
                             {"polysemantic", use.polysemantic},
                             {"mean_features", use.mean_features}};
      for (const std::int64_t count : {use.dead, use.monosemantic, use.polysemantic})
        row.push_back(std::to_string(count));
      row.push_back(significant(use.mean_features, 3));
    }
    outcome.table.push_back(row);
    outcome.result["instances"].push_back(instance);
  }
  outcome.result["restarts"] = plan.restarts;
  outcome.weights = weight_tensors(c, set.weights);
  outcome.figure = figure_of(c, densities, set);
  return outcome;
}

}  // namespace polysem::program::toy
