#include "bench/program/toy/neurons.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace polysem::program::toy {

double NeuronUse::polysemantic_share() const {
  const std::int64_t alive = monosemantic + polysemantic;
  return alive == 0 ? 0 : static_cast<double>(polysemantic) / static_cast<double>(alive);
}

namespace {

double reading(float weight, bool either_sign) { return either_sign ? std::abs(double{weight}) : weight; }

}  // namespace

NeuronUse neuron_use(std::span<const float> w, std::int64_t neurons, std::int64_t features, bool either_sign,
                     double share, double least) {
  NeuronUse use;
  double sum = 0;
  for (std::int64_t k = 0; k < neurons; ++k) {
    const auto row = w.subspan(static_cast<std::size_t>(k * features), static_cast<std::size_t>(features));
    double most = 0;
    for (const float v : row) most = std::max(most, reading(v, either_sign));
    const std::int64_t read = most < least ? 0 : std::count_if(row.begin(), row.end(), [&](float v) {
      return reading(v, either_sign) > share * most;
    });
    use.features.push_back(read);
    (read == 0 ? use.dead : read == 1 ? use.monosemantic : use.polysemantic) += 1;
    sum += static_cast<double>(read);
  }
  const std::int64_t alive = neurons - use.dead;
  use.mean_features = alive == 0 ? 0 : sum / static_cast<double>(alive);
  return use;
}

figures::Panel weights_panel(std::span<const float> w, std::int64_t neurons, std::int64_t features,
                             const std::string& title, bool either_sign) {
  const auto row_of = [&](std::size_t k) {
    return w.subspan(k * static_cast<std::size_t>(features), static_cast<std::size_t>(features));
  };
  const auto strongest = [&](std::size_t k) {
    const auto row = row_of(k);
    return std::max_element(
               row.begin(), row.end(),
               [&](float x, float y) { return reading(x, either_sign) < reading(y, either_sign); }) -
           row.begin();
  };
  std::vector<std::size_t> order(static_cast<std::size_t>(neurons));
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t x, std::size_t y) { return strongest(x) < strongest(y); });
  figures::Panel panel;
  panel.title = title;
  panel.x = {.label = "feature", .lowest = -0.5, .highest = static_cast<double>(features) - 0.5};
  panel.y = {.label = "neuron", .lowest = -0.5, .highest = static_cast<double>(neurons) - 0.5};
  panel.heat_map.rows = neurons, panel.heat_map.cols = features;
  panel.heat_map.label = either_sign ? "weight" : "weight (below: as the lowest)";
  panel.heat_map.diverging = true;
  double most = 0;
  for (const std::size_t k : order) {
    for (const float v : row_of(k)) {
      panel.heat_map.values.push_back(v);
      most = std::max(most, reading(v, either_sign));
    }
  }
  most = std::max(most, 1e-6);
  for (double& v : panel.heat_map.values) v = std::isfinite(v) ? std::clamp(v, -most, most) : v;
  panel.heat_map.lowest = -most, panel.heat_map.highest = most;
  return panel;
}

}  // namespace polysem::program::toy
