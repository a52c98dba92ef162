// polysem toy deform: one feature of five made denser or sparser; the pentagon deforms, then gives way to two
// digons.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"
#include "polysem/toy_optimum.hpp"

namespace polysem::program::toy {

namespace {

using Series = figures::Series;

constexpr std::int64_t kFeatures = 5;

ToyInstance with_ratio(ToyInstance t, double density, double ratio, bool unlearned) {
  std::fill(t.density.begin(), t.density.end(), density);
  t.density.back() = density * ratio;
  if (unlearned) t.bias.back() = density * ratio / 2;
  return t;
}

double last_norm(const ToyInstance& t) { return std::hypot(t.w[kFeatures - 1], t.w[2 * kFeatures - 1]); }

// Where a branch is at each ratio, followed from the ratio nearest to 1 outwards: each optimum starts the
// next.
struct Branch {
  std::vector<ToyOptimum> at;
};

Branch follow(const ToyInstance& start, double density, const std::vector<double>& ratios, bool unlearned) {
  Branch branch;
  branch.at.resize(ratios.size());
  std::size_t first = 0;
  for (std::size_t i = 0; i < ratios.size(); ++i)
    if (std::abs(std::log(ratios[i])) < std::abs(std::log(ratios[first]))) first = i;
  const auto step = [&](std::size_t i, const ToyInstance& from) {
    branch.at[i] = minimise_relu_loss(with_ratio(from, density, ratios[i], unlearned));
  };
  step(first, start);
  for (std::size_t i = first + 1; i < ratios.size(); ++i) step(i, branch.at[i - 1].instance);
  for (std::size_t i = first; i-- > 0;) step(i, branch.at[i + 1].instance);
  return branch;
}

// Loss of the pentagon's branch less that of the digons, starting both from a point of their branches.
double difference(const ToyInstance& pentagon, const ToyInstance& digons, double density, double ratio) {
  return minimise_relu_loss(with_ratio(pentagon, density, ratio, false)).loss -
         minimise_relu_loss(with_ratio(digons, density, ratio, true)).loss;
}

// The ratio at which both cost the same, by bisection between two neighbours; NaN where they never do.
double crossing_of(const std::vector<double>& ratios, const Branch& pentagon, const Branch& digons,
                   double density) {
  for (std::size_t i = 0; i + 1 < ratios.size(); ++i) {
    const auto at = [&](std::size_t k) { return pentagon.at[k].loss - digons.at[k].loss; };
    if (!(at(i) > 0 && at(i + 1) < 0)) continue;
    double low = ratios[i], high = ratios[i + 1];
    for (int step = 0; step < 30 && high / low > 1 + 1e-6; ++step) {
      const double middle = std::sqrt(low * high);
      (difference(pentagon.at[i + 1].instance, digons.at[i + 1].instance, density, middle) > 0 ? low : high) =
          middle;
    }
    return std::sqrt(low * high);
  }
  return NAN;
}

// Angles between neighbouring features, in degrees, starting at the last feature; empty where it is not
// there.
std::vector<double> gaps_of(const ToyInstance& t) {
  std::vector<double> angles;
  const auto angle = [&](std::size_t i) { return std::atan2(t.w[kFeatures + i], t.w[i]); };
  if (last_norm(t) < 1e-3) return {};
  for (std::size_t i = 0; i < kFeatures; ++i) {
    const double turned = angle(i) - angle(kFeatures - 1);
    angles.push_back((turned < 0 ? turned + 2 * std::numbers::pi : turned) * 180 / std::numbers::pi);
  }
  angles.back() = 0;
  std::sort(angles.begin(), angles.end());
  angles.push_back(360);
  std::vector<double> gaps;
  for (std::size_t i = 0; i + 1 < angles.size(); ++i) gaps.push_back(angles[i + 1] - angles[i]);
  return gaps;
}

figures::Panel arrows(const ToyInstance& t, const std::string& title) {
  figures::Panel panel;
  panel.title = title;
  for (std::size_t i = 0; i < kFeatures; ++i) {
    panel.arrows.tips.push_back({t.w[i], t.w[kFeatures + i]});
    panel.arrows.labels.push_back(i == kFeatures - 1 ? "5" : "");
    panel.arrows.shade.push_back(i == kFeatures - 1 ? 0.75 : 0.1);
  }
  return panel;
}

figures::Figure figure_of(const std::vector<double>& ratios, const Branch& pentagon, const Branch& digons,
                          double crossing) {
  figures::Figure figure;
  figure.description =
      "Loss along both branches over the relative density of the fifth feature, and the pentagon's shape.";
  figures::Panel losses, shape;
  losses.title = "loss of both branches";
  losses.x = shape.x = {.label = "density of feature 5 / density of the others", .log = true};
  losses.y.label = "loss / loss of two digons";
  shape.title = "along the pentagon's branch";
  shape.y.label = "length (1), angle / 72 degrees";
  Series p{.name = "pentagon", .kind = Series::Kind::kLineAndPoints},
      d{.name = "two digons", .kind = Series::Kind::kLine};
  Series norm{.name = "length of feature 5", .kind = Series::Kind::kLineAndPoints};
  Series gap{.name = "angle to its neighbours", .kind = Series::Kind::kLineAndPoints};
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    p.x.push_back(ratios[i]), p.y.push_back(pentagon.at[i].loss / digons.at[i].loss);
    d.x.push_back(ratios[i]), d.y.push_back(1);
    norm.x.push_back(ratios[i]), norm.y.push_back(last_norm(pentagon.at[i].instance));
    const std::vector<double> gaps = gaps_of(pentagon.at[i].instance);
    if (gaps.empty()) continue;
    gap.x.push_back(ratios[i]), gap.y.push_back((gaps.front() + gaps.back()) / 2 / 72);
  }
  losses.series = {p, d};
  if (std::isfinite(crossing))
    losses.notes.push_back({crossing * 1.1, 1.02, "cross at " + significant(crossing, 4)});
  shape.series = {norm, gap};
  figure.panels = {losses, shape};
  const std::size_t ends[] = {ratios.size() - 1, 0};
  for (const std::size_t i : ends)
    figure.panels.push_back(arrows(pentagon.at[i].instance, "ratio " + significant(ratios[i], 3)));
  figure.columns = 2;
  return figure;
}

nlohmann::json point_json(const std::string& branch, double density, double ratio, const ToyOptimum& o) {
  nlohmann::json j = {{"branch", branch},
                      {"density", density},
                      {"ratio", ratio},
                      {"loss", o.loss},
                      {"bias", o.instance.bias},
                      {"gradient_norm", o.gradient_norm},
                      {"gaps_degrees", gaps_of(o.instance)}};
  std::vector<float> w(o.instance.w.begin(), o.instance.w.end());
  const std::vector<float> rows = transposed(w, 2, kFeatures);
  const FeatureGeometry g = feature_geometry({rows, kFeatures, 2});
  j["norms"] = g.norms, j["dimensionality"] = g.dimensionality, j["represented"] = features_represented(g);
  j["geometry"] = name_polytope({rows, kFeatures, 2}).name;
  return j;
}

void append_weights(const Branch& branch, NamedTensor& w, NamedTensor& b) {
  for (const ToyOptimum& o : branch.at) {
    for (const double value : o.instance.w) w.values.push_back(static_cast<float>(value));
    for (const double value : o.instance.bias) b.values.push_back(static_cast<float>(value));
  }
}

Outcome run(const Arguments& a, Session&) {
  const double density = density_of(a, "density");
  const double lowest = a.number("ratio-from", 1e-4, 1e4), highest = a.number("ratio-to", 1e-4, 1e4);
  if (lowest >= highest) a.refuse("ratio-from", "must be below --ratio-to");
  if (density * highest > 1)
    a.refuse("ratio-to", "the fifth feature's density, --density times it, must not exceed 1");
  const std::vector<double> ratios = spaced_by_ratio(lowest, highest, a.integer("points", 2, 10000));
  Branch pentagon, digons;
  in_parallel(2, threads_of(a), [&](std::int64_t i) {
    (i == 0 ? pentagon : digons) =
        i == 0 ? follow(polygon_instance(kFeatures, kFeatures, 1.1, -0.2, density), density, ratios, false)
               : follow(digons_instance(kFeatures, 2, 2, density), density, ratios, true);
  });
  const double crossing = crossing_of(ratios, pentagon, digons, density);

  Outcome outcome;
  outcome.table = {
      {"ratio", "pentagon", "two digons", "length of 5", "angles between neighbours, from 5 on (degrees)"}};
  const auto count = static_cast<std::int64_t>(2 * ratios.size());
  NamedTensor w{"W", {count, 2, kFeatures}, {}}, b{"b", {count, kFeatures}, {}};
  append_weights(pentagon, w, b), append_weights(digons, w, b);
  outcome.weights = {w, b};
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    const ToyOptimum &p = pentagon.at[i], &d = digons.at[i];
    std::string gaps;
    for (const double gap : gaps_of(p.instance)) gaps += (gaps.empty() ? "" : " ") + significant(gap, 3);
    outcome.table.push_back({significant(ratios[i]), significant(p.loss, 6), significant(d.loss, 6),
                             significant(last_norm(p.instance), 4),
                             gaps.empty() ? "it has collapsed" : gaps});
    outcome.result["instances"].push_back(point_json("pentagon", density, ratios[i], p));
  }
  for (std::size_t i = 0; i < ratios.size(); ++i)
    outcome.result["instances"].push_back(point_json("two digons", density, ratios[i], digons.at[i]));
  outcome.result["crossing"] = std::isfinite(crossing) ? nlohmann::json(crossing) : nlohmann::json();
  outcome.text = std::isfinite(crossing)
                     ? "both branches cost the same at a ratio of " + significant(crossing, 5) + "\n"
                     : "the branches do not cross between these ratios\n";
  outcome.figure = figure_of(ratios, pentagon, digons, crossing);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "toy deform",
      .summary = "one feature of five denser or sparser: the pentagon deforms and collapses",
      .positional = "",
      .details =
          "Five features in two dimensions, the fifth of another density. Follows the exact loss downhill "
          "along the "
          "branch of the pentagon and that of two digons with the fifth feature unlearned, and finds where "
          "they "
          "cost the same: a transition of first order. At a density of 0.05 that is a ratio of 0.2691, found "
          "to "
          "0.1 %, with --quick as well.",
      .example = "polysem toy deform --density 0.05 --out deform",
      .options =
          {{.name = "quick", .value_name = "", .value = "", .help = "a small version, in seconds"},
           {.name = "density",
            .value_name = "P",
            .value = "0.05",
            .help = "density of the other four features"},
           {.name = "ratio-from", .value_name = "R", .value = "0.1", .help = "lowest relative density"},
           {.name = "ratio-to", .value_name = "R", .value = "4", .help = "highest relative density"},
           {.name = "points", .value_name = "N", .value = "38", .help = "ratios", .quick = "11"}},
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& deform() {
  static const Experiment only = {
      &command(), "A pentagon deforms and collapses",
      "Four features share a density, the fifth is denser or sparser. Denser, it pushes the others away; "
      "sparser, it "
      "gets less room, until two digons without it cost less: the losses cross, a transition of first order.",
      run};
  return only;
}

}  // namespace polysem::program::toy
