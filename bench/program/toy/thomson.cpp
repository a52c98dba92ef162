// polysem toy thomson: points on a sphere that repel each other, and features of a toy model in three
// dimensions.
#include <algorithm>
#include <array>
#include <cmath>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"

namespace polysem::program::toy {

namespace {

using Series = figures::Series;
using Point = std::array<double, 3>;

double dot(const Point& a, const Point& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

void normalise(Point& p) {
  const double length = std::sqrt(dot(p, p));
  for (double& x : p) x /= length;
}

// Energy, and the force on each point along the sphere.
double energy_of(const std::vector<Point>& points, std::vector<Point>* forces) {
  double energy = 0;
  if (forces != nullptr) forces->assign(points.size(), Point{});
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      Point apart;
      for (std::size_t k = 0; k < 3; ++k) apart[k] = points[i][k] - points[j][k];
      const double distance = std::sqrt(dot(apart, apart));
      energy += 1 / distance;
      if (forces == nullptr) continue;
      const double strength = 1 / (distance * distance * distance);
      for (std::size_t k = 0; k < 3; ++k)
        (*forces)[i][k] += strength * apart[k], (*forces)[j][k] -= strength * apart[k];
    }
  }
  if (forces == nullptr) return energy;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double outward = dot((*forces)[i], points[i]);
    for (std::size_t k = 0; k < 3; ++k) (*forces)[i][k] -= outward * points[i][k];
  }
  return energy;
}

// Downhill along the forces; the step grows while it helps.
double relaxed(std::vector<Point>& points, std::int64_t steps) {
  std::vector<Point> forces;
  double energy = energy_of(points, &forces), length = 0.1 / static_cast<double>(points.size());
  for (std::int64_t s = 0; s < steps && length > 1e-14; ++s) {
    std::vector<Point> moved = points;
    for (std::size_t i = 0; i < points.size(); ++i) {
      for (std::size_t k = 0; k < 3; ++k) moved[i][k] += length * forces[i][k];
      normalise(moved[i]);
    }
    const double next = energy_of(moved, nullptr);
    if (!(next < energy)) {
      length /= 2;
      continue;
    }
    points = std::move(moved), length *= 1.3;
    energy = energy_of(points, &forces);
  }
  return energy;
}

std::vector<Point> random_points(std::int64_t count, std::uint64_t seed, std::uint32_t number) {
  const Random random(seed, RandomStream::kInitialisation, number);
  std::vector<Point> points(static_cast<std::size_t>(count));
  std::uint64_t at = 0;
  for (Point& p : points) {
    for (double& x : p) x = random.normal(at++);
    normalise(p);
  }
  return points;
}

struct Row {
  std::int64_t points = 0;
  double energy = 0, minimum = 0;
  double trained = NAN;  ///< least energy of the features' directions
  std::string geometry;
  ToyConfig config;
  TrainedSet set;
};

void charges(const Arguments& a, Row& row) {
  const std::int64_t starts = a.integer("starts", 1, 100000), steps = a.integer("relaxation", 1, 1 << 30);
  const auto seed = static_cast<std::uint64_t>(a.integer("seed", 0, std::int64_t{1} << 53));
  std::vector<double> energies(static_cast<std::size_t>(starts));
  in_parallel(starts, threads_of(a), [&](std::int64_t i) {
    std::vector<Point> points = random_points(row.points, seed, static_cast<std::uint32_t>(i));
    energies[static_cast<std::size_t>(i)] = relaxed(points, steps);
  });
  row.energy = *std::min_element(energies.begin(), energies.end());
  row.minimum = thomson_minimum(row.points);
}

void features(const Arguments& a, Session& session, Row& row) {
  row.config = {.features = row.points, .dims = 3, .instances = a.integer("instances", 1, 100000)};
  row.config.density.assign(row.config.biases(), static_cast<float>(density_of(a, "density")));
  row.config.importance.assign(row.config.biases(), 1.0f);
  TrainPlan plan{.config = row.config, .training = training_of(a)};
  plan.label = "training " + std::to_string(row.points) + " features", plan.samples = 20000;
  row.set = train_and_measure(a, session, plan);
  double best_loss = INFINITY;
  for (const Trained& t : row.set.instances) {
    if (t.diverged || t.represented < row.points || t.loss.value >= best_loss) continue;
    best_loss = t.loss.value;
    row.trained = thomson_energy(t.rows(row.points, 3));
    row.geometry = t.polytope.name;
  }
}

double excess(double energy, double minimum) { return 100 * (energy / minimum - 1); }

figures::Figure figure_of(const std::vector<Row>& rows) {
  figures::Figure figure;
  figure.description = "Energy above the least known, for repelling points and for features of toy models.";
  figures::Panel panel;
  panel.x.label = "points on the sphere, features in three dimensions";
  panel.x.lowest = static_cast<double>(rows.front().points) - 0.5;
  panel.x.highest = static_cast<double>(rows.back().points) + 0.5;
  panel.y.label = "energy above the known minimum (%)";
  Series points{.name = "repelling points", .kind = Series::Kind::kLineAndPoints};
  Series trained{.name = "features of a toy model", .kind = Series::Kind::kPoints};
  for (const Row& r : rows) {
    if (!std::isfinite(r.minimum)) continue;
    const auto n = static_cast<double>(r.points);
    points.x.push_back(n), points.y.push_back(std::max(0.0, excess(r.energy, r.minimum)));
    if (!std::isfinite(r.trained)) continue;
    trained.x.push_back(n), trained.y.push_back(excess(r.trained, r.minimum));
  }
  panel.series = {points, trained};
  figure.panels = {panel};
  figure.panel_width = 420;
  return figure;
}

Outcome run(const Arguments& a, Session& session) {
  const std::int64_t from = a.integer("points-from", 2, 1000), to = a.integer("points-to", 2, 1000);
  if (from > to) a.refuse("points-from", "must not exceed --points-to");
  density_of(a, "density");
  std::vector<Row> rows;
  for (std::int64_t n = from; n <= to; ++n) {
    Row row;
    row.points = n;
    charges(a, row);
    if (n > 3) features(a, session, row);
    rows.push_back(std::move(row));
  }
  Outcome outcome;
  outcome.table = {
      {"points", "energy", "known minimum", "above it (%)", "features: energy", "above it (%)", "geometry"}};
  for (Row& r : rows) {
    const bool known = std::isfinite(r.minimum), trained = std::isfinite(r.trained);
    outcome.table.push_back(
        {std::to_string(r.points), significant(r.energy, 8), known ? significant(r.minimum, 8) : "",
         known ? significant(excess(r.energy, r.minimum), 2) : "", trained ? significant(r.trained, 6) : "",
         trained && known ? significant(excess(r.trained, r.minimum), 3) : "", r.geometry});
    nlohmann::json j = {
        {"points", r.points}, {"energy", r.energy}, {"minimum", nullptr}, {"trained_energy", nullptr}};
    if (known) j["minimum"] = r.minimum;
    if (trained) j["trained_energy"] = r.trained, j["geometry"] = r.geometry;
    outcome.result["energies"].push_back(j);
    if (r.set.instances.empty()) continue;
    for (std::int64_t i = 0; i < r.config.instances; ++i) {
      nlohmann::json instance = instance_json(r.config, r.set, i);
      instance["features"] = r.points, instance["density"] = density_of(a, "density");
      outcome.result["instances"].push_back(instance);
    }
    for (NamedTensor& tensor : weight_tensors(r.config, r.set.weights)) {
      tensor.name += std::to_string(r.points);
      outcome.weights.push_back(std::move(tensor));
    }
  }
  outcome.figure = figure_of(rows);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "toy thomson",
      .summary = "points that repel each other on a sphere, and features in three dimensions",
      .positional = "",
      .details =
          "Thomson's problem: least sum of 1 / distance of points on the unit sphere, beside the minima "
          "known for 2 to "
          "12 points, and beside the same energy of the directions of equal features of a toy model in three "
          "dimensions. Energies of points are within 1e-6 of the minima, with --quick as well.",
      .example = "polysem toy thomson --points-to 12 --out thomson",
      .options = joined(
          {
              {.name = "points-from", .value_name = "N", .value = "2", .help = "least number of points"},
              {.name = "points-to", .value_name = "N", .value = "12", .help = "largest number of points"},
              {.name = "starts", .value_name = "N", .value = "50", .help = "random starts", .quick = "10"},
              {.name = "relaxation", .value_name = "N", .value = "20000", .help = "most steps downhill"},
              {.name = "density", .value_name = "P", .value = "0.03", .help = "density of the features"},
              {.name = "instances",
               .value_name = "K",
               .value = "10",
               .help = "toy models of each size",
               .quick = "4"},
          },
          training_options(
              {.steps = "10000", .quick_steps = "2000", .lr = "3e-3", .quick_lr = "1e-2", .decay = "0.5"})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& thomson() {
  static const Experiment only = {
      &command(), "Thomson's problem",
      "Equal features in three dimensions behave much like charges on a sphere that repel each other: their "
      "energy "
      "stays close to the least that is known, but zero interference counts for more than even distances.",
      run};
  return only;
}

}  // namespace polysem::program::toy
