// polysem toy adversarial: superposition makes a model easier to attack (Elhage et al. 2022).
#include <algorithm>
#include <cmath>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/options.hpp"
#include "bench/program/toy/trained.hpp"

namespace polysem::program::toy {

namespace {

using Series = figures::Series;
using Vector = std::vector<double>;

double norm(const Vector& v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return std::sqrt(sum);
}

// One trained model as a function of its input.
class Model {
 public:
  Model(const ToyConfig& c, const ToyWeights& weights, std::int64_t number)
      : t_(toy_instance(c, weights, number)) {}

  std::size_t features() const { return static_cast<std::size_t>(t_.features); }
  double density() const { return t_.density[0]; }

  /// Loss of the output for `input` against `target`, and its gradient in the input.
  double loss(const Vector& input, const Vector& target, Vector* gradient) const {
    const std::size_t n = features(), m = static_cast<std::size_t>(t_.dims);
    Vector hidden(m), back(m), output_grad(n);
    for (std::size_t k = 0; k < m; ++k)
      for (std::size_t f = 0; f < n; ++f) hidden[k] += t_.w[k * n + f] * input[f];
    double loss = 0;
    for (std::size_t f = 0; f < n; ++f) {
      double z = t_.bias[f];
      for (std::size_t k = 0; k < m; ++k) z += t_.w[k * n + f] * hidden[k];
      const double error = std::max(z, 0.0) - target[f];
      loss += error * error;
      output_grad[f] = z > 0 ? 2 * error : 0;
    }
    if (gradient == nullptr) return loss;
    for (std::size_t k = 0; k < m; ++k)
      for (std::size_t f = 0; f < n; ++f) back[k] += t_.w[k * n + f] * output_grad[f];
    gradient->assign(n, 0.0);
    for (std::size_t k = 0; k < m; ++k)
      for (std::size_t f = 0; f < n; ++f) (*gradient)[f] += t_.w[k * n + f] * back[k];
    return loss;
  }

 private:
  ToyInstance t_;
};

// Input + the perturbation of length `radius` that raises the loss most: projected gradient ascent from a
// random direction (Madry et al. 2018, arXiv 1706.06083).
double attacked_loss(const Model& model, const Vector& x, double radius, std::int64_t steps,
                     const Random& random, std::uint64_t first) {
  Vector shift(x.size()), gradient;
  for (std::size_t f = 0; f < x.size(); ++f) shift[f] = random.normal(first + f);
  double worst = model.loss(x, x, nullptr);
  for (std::int64_t s = 0; s <= steps; ++s) {
    const double length = norm(shift);
    Vector input = x;
    for (std::size_t f = 0; f < x.size(); ++f) input[f] += shift[f] *= length > 0 ? radius / length : 0;
    worst = std::max(worst, model.loss(input, x, &gradient));
    const double slope = norm(gradient);
    if (slope == 0) break;
    for (std::size_t f = 0; f < x.size(); ++f) shift[f] += radius * gradient[f] / slope;
  }
  return worst;
}

struct Attack {
  std::int64_t samples, steps;
  double share;  ///< length, of the mean input's length
};

Attack attack_of(const Arguments& a) {
  return {a.integer("samples", 2, 1 << 24), a.integer("attack-steps", 0, 100000),
          a.number("attack", 1e-9, 1e9)};
}

struct Vulnerability {
  double clean = 0, attacked = 0;  ///< mean losses
  double radius = 0;
  double gain = 0, gain_error = 0;  ///< sqrt of the loss gained over the radius, and its standard error
};

Vulnerability attack(const Attack& how, int threads, const Model& model, std::uint64_t seed) {
  const std::int64_t samples = how.samples;
  const Random draw(seed, RandomStream::kSampling, 2), start(seed, RandomStream::kSampling, 3);
  const std::size_t n = model.features();
  std::vector<Vector> inputs(static_cast<std::size_t>(samples), Vector(n));
  double length = 0;
  for (std::size_t s = 0; s < inputs.size(); ++s) {
    for (std::size_t f = 0; f < n; ++f) {
      const double u = draw.uniform(s * n + f);
      inputs[s][f] = u < model.density() ? u / model.density() : 0;
    }
    length += norm(inputs[s]);
  }
  Vulnerability v;
  v.radius = how.share * length / static_cast<double>(samples);
  Vector gained(inputs.size()), clean(inputs.size());
  in_parallel(samples, threads, [&](std::int64_t i) {
    const auto s = static_cast<std::size_t>(i);
    clean[s] = model.loss(inputs[s], inputs[s], nullptr);
    gained[s] = attacked_loss(model, inputs[s], v.radius, how.steps, start, s * n) - clean[s];
  });
  double mean = 0, squares = 0;
  for (std::size_t s = 0; s < inputs.size(); ++s) mean += gained[s], v.clean += clean[s];
  mean /= static_cast<double>(samples), v.clean /= static_cast<double>(samples);
  for (const double g : gained) squares += (g - mean) * (g - mean);
  v.attacked = v.clean + mean;
  v.gain = std::sqrt(mean) / v.radius;
  const double error = std::sqrt(squares / static_cast<double>(samples - 1) / static_cast<double>(samples));
  v.gain_error = mean > 0 ? error / (2 * std::sqrt(mean)) / v.radius : 0;
  return v;
}

double correlation_of(const Vector& x, const Vector& y) {
  const auto n = static_cast<double>(x.size());
  double mx = 0, my = 0, xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) mx += x[i] / n, my += y[i] / n;
  for (std::size_t i = 0; i < x.size(); ++i)
    xy += (x[i] - mx) * (y[i] - my), xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my);
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : NAN;
}

figures::Figure figure_of(const Vector& inverse_density, const Vector& features, const Vector& gains,
                          const Vector& errors) {
  figures::Figure figure;
  figure.description = "Vulnerability to attacks, over sparsity and over features per dimension.";
  figures::Panel sparsity, proportional;
  sparsity.title = "over sparsity", proportional.title = "over features per dimension";
  sparsity.x = {.label = "1 / density", .log = true};
  sparsity.y = {.label = "vulnerability, features per dimension", .lowest = 0};
  proportional.x = {.label = "features per dimension, 1 / D*", .lowest = 0};
  proportional.y = {.label = "sqrt(loss gained) / length of attack", .lowest = 0};
  Series v{.name = "vulnerability", .x = inverse_density, .y = gains, .error = errors};
  Series f{.name = "features per dimension", .x = inverse_density, .y = features};
  Series points{
      .name = "vulnerability", .kind = Series::Kind::kPoints, .x = features, .y = gains, .error = errors};
  sparsity.series = {v, f}, proportional.series = {points};
  figure.panels = {sparsity, proportional};
  return figure;
}

Outcome run(const Arguments& a, Session& session) {
  const ToySize size = size_of(a);
  const Attack how = attack_of(a);
  const double from = density_of(a, "density-from"), to = density_of(a, "density-to");
  if (from <= to) a.refuse("density-to", "must be below --density-from");
  const Vector densities = spaced_by_ratio(from, to, a.integer("points", 2, 10000));
  ToyConfig c{
      .features = size.features, .dims = size.dims, .instances = static_cast<std::int64_t>(densities.size())};
  for (const double density : densities)
    c.density.insert(c.density.end(), static_cast<std::size_t>(c.features), static_cast<float>(density));
  c.importance.assign(c.biases(), 1.0f);
  TrainPlan plan{.config = c, .training = training_of(a)};
  plan.samples = 10000, plan.name_polytopes = false;
  const TrainedSet set = train_and_measure(a, session, plan);

  Outcome outcome;
  outcome.table = {{"density", "features per dimension", "clean loss", "attacked loss", "vulnerability"}};
  Vector inverse, features, gains, errors;
  for (std::int64_t i = 0; i < c.instances; ++i) {
    const Trained& t = set.instances[static_cast<std::size_t>(i)];
    const double density = densities[static_cast<std::size_t>(i)];
    nlohmann::json instance = instance_json(c, set, i);
    instance["density"] = density;
    if (t.diverged) {
      outcome.table.push_back({significant(density, 3), "diverged"});
      outcome.result["instances"].push_back(instance);
      continue;
    }
    const Vulnerability v = attack(how, threads_of(a), Model(c, set.weights, i), plan.training.seed);
    const double per_dimension = t.geometry.squared_norm / static_cast<double>(c.dims);
    instance["features_per_dimension"] = per_dimension;
    instance["attack"] = {{"radius", v.radius},
                          {"clean_loss", v.clean},
                          {"attacked_loss", v.attacked},
                          {"vulnerability", v.gain},
                          {"vulnerability_standard_error", v.gain_error}};
    outcome.result["instances"].push_back(instance);
    outcome.table.push_back({significant(density, 3), significant(per_dimension, 4), significant(v.clean, 4),
                             significant(v.attacked, 4), significant(v.gain, 4)});
    inverse.push_back(1 / density), features.push_back(per_dimension);
    gains.push_back(v.gain), errors.push_back(v.gain_error);
  }
  const double correlation = correlation_of(features, gains);
  outcome.result["correlation"] = std::isfinite(correlation) ? nlohmann::json(correlation) : nlohmann::json();
  outcome.text =
      "correlation of vulnerability with features per dimension: " + significant(correlation, 3) + "\n";
  outcome.weights = weight_tensors(c, set.weights);
  outcome.figure = figure_of(inverse, features, gains, errors);
  return outcome;
}

const Command& command() {
  static const Command only = {
      .name = "toy adversarial",
      .summary = "models in superposition are easier to attack",
      .positional = "",
      .details =
          "Perturbs the input of toy models by a vector of a tenth of the mean input's length, chosen by "
          "gradient "
          "ascent to raise the loss against the unperturbed input. Vulnerability is the square root of the "
          "loss "
          "gained, over the length: about 1 for a model without superposition. It grows with features per "
          "dimension: "
          "a correlation of at least 0.9, with --quick as well.",
      .example = "polysem toy adversarial --out adversarial",
      .options = joined(
          {
              {.name = "features", .value_name = "N", .value = "100", .help = "features", .quick = "50"},
              {.name = "dims", .value_name = "M", .value = "20", .help = "dimensions", .quick = "10"},
              {.name = "density-from", .value_name = "P", .value = "1", .help = "highest density"},
              {.name = "density-to", .value_name = "P", .value = "0.02", .help = "lowest density"},
              {.name = "points", .value_name = "N", .value = "15", .help = "densities", .quick = "7"},
              {.name = "attack",
               .value_name = "SHARE",
               .value = "0.1",
               .help = "length of the attack, of the mean input's length"},
              {.name = "attack-steps", .value_name = "N", .value = "20", .help = "steps of gradient ascent"},
              {.name = "samples",
               .value_name = "N",
               .value = "2000",
               .help = "attacked inputs",
               .quick = "500"},
          },
          training_options({.quick_steps = "3000", .quick_lr = "3e-3", .quick_batch = "512"})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& adversarial() {
  static const Experiment only = {&command(), "Superposition and adversarial attacks",
                                  "How far a small, well chosen change of the input moves the output. A "
                                  "model without superposition passes it on as "
                                  "it is; in superposition many small interferences add up, the more the "
                                  "more features share a dimension.",
                                  run};
  return only;
}

}  // namespace polysem::program::toy
