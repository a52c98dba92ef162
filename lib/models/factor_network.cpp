#include "polysem/factor_network.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <string>

#include "lib/models/host_adam.hpp"
#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {

namespace {

void check(const FactorNetworkConfig& c) {
  const auto need = [](bool good, const char* what) {
    if (!good)
      throw Error(ErrorCode::kInvalidArgument, std::string("network of colours and shapes: ") + what);
  };
  need(c.alpha >= 0 && c.alpha <= 1, "alpha must be from 0 to 1");
  need(c.hidden >= 1 && c.hidden <= 100000, "hidden neurons must be between 1 and 100,000");
  need(c.outputs >= 1 && c.outputs <= 100000, "outputs must be between 1 and 100,000");
  need(c.rate > 0 && std::isfinite(c.rate), "the learning rate must be above 0");
  need(c.weight_decay >= 0 && std::isfinite(c.weight_decay), "the weight decay must not be negative");
  need(c.steps >= 0, "steps must not be negative");
}

/// Where each parameter begins.
struct Layout {
  std::size_t inputs, hidden, outputs, b1, w2, b2, size;
  Layout(const FactorWorld& world, const FactorNetworkConfig& c)
      : inputs(static_cast<std::size_t>(factor_network_inputs(world, c))),
        hidden(static_cast<std::size_t>(c.hidden)),
        outputs(static_cast<std::size_t>(c.outputs)),
        b1(inputs * hidden),
        w2(b1 + hidden),
        b2(w2 + outputs * hidden),
        size(b2 + outputs) {}
};

/// The one or two inputs of a combination that are 1.
struct Inputs {
  std::size_t first, second;
  bool two;
};
Inputs inputs_of(const FactorWorld& world, const FactorNetworkConfig& c, std::size_t combination) {
  if (!c.factored) return {combination, 0, false};
  return {static_cast<std::size_t>(world.colour(combination)),
          static_cast<std::size_t>(world.colours + world.shape(combination)), true};
}

/// Hidden layer after ReLU, and outputs, of one combination.
void forward(const Layout& at, const Inputs& in, const std::vector<double>& p, double* hidden,
             double* output) {
  const double* first = p.data() + in.first * at.hidden;
  const double* second = in.two ? p.data() + in.second * at.hidden : nullptr;
  for (std::size_t h = 0; h < at.hidden; ++h)
    hidden[h] = std::max(0.0, p[at.b1 + h] + first[h] + (second != nullptr ? second[h] : 0.0));
  for (std::size_t o = 0; o < at.outputs; ++o) {
    double sum = p[at.b2 + o];
    for (std::size_t h = 0; h < at.hidden; ++h) sum += p[at.w2 + o * at.hidden + h] * hidden[h];
    output[o] = sum;
  }
}

}  // namespace

std::int64_t factor_network_inputs(const FactorWorld& world, const FactorNetworkConfig& c) {
  return c.factored ? world.colours + world.shapes : world.colours * world.shapes;
}

std::size_t factor_network_size(const FactorWorld& world, const FactorNetworkConfig& c) {
  return Layout(world, c).size;
}

std::vector<double> init_factor_network(const FactorWorld& world, const FactorNetworkConfig& c) {
  const Layout at(world, c);
  const Random random(c.seed, RandomStream::kInitialisation);
  std::vector<double> p(at.size);
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double fan_in = static_cast<double>(i < at.w2 ? at.inputs : at.hidden);
    p[i] = (2.0 * random.uniform(i) - 1) / std::sqrt(fan_in);
  }
  return p;
}

std::vector<double> factor_targets(const FactorWorld& world, const FactorNetworkConfig& c) {
  const Random random(c.seed, RandomStream::kData);
  const auto outputs = static_cast<std::size_t>(c.outputs);
  const std::size_t shape_terms = static_cast<std::size_t>(world.colours) * outputs;
  const std::size_t own_terms = shape_terms + static_cast<std::size_t>(world.shapes) * outputs;
  std::vector<double> targets(world.combinations() * outputs);
  for (std::size_t i = 0; i < world.combinations(); ++i) {
    const auto colour = static_cast<std::size_t>(world.colour(i)),
               shape = static_cast<std::size_t>(world.shape(i));
    for (std::size_t o = 0; o < outputs; ++o)
      targets[i * outputs + o] =
          std::sqrt((1 - c.alpha) / 2) * (double{random.normal(colour * outputs + o)} +
                                          random.normal(shape_terms + shape * outputs + o)) +
          std::sqrt(c.alpha) * random.normal(own_terms + i * outputs + o);
  }
  return targets;
}

double factor_network_loss(const FactorWorld& world, const FactorNetworkConfig& c,
                           const std::vector<double>& p, const std::vector<double>& targets,
                           std::vector<double>& gradient) {
  const Layout at(world, c);
  gradient.assign(at.size, 0.0);
  std::vector<double> hidden(at.hidden), output(at.outputs), back(at.hidden);
  const auto count = static_cast<double>(std::count(world.held_out.begin(), world.held_out.end(), false));
  const double scale = 1 / (count * static_cast<double>(at.outputs));
  double loss = 0;
  for (std::size_t i = 0; i < world.combinations(); ++i) {
    if (world.held_out[i]) continue;
    const Inputs in = inputs_of(world, c, i);
    forward(at, in, p, hidden.data(), output.data());
    std::fill(back.begin(), back.end(), 0.0);
    for (std::size_t o = 0; o < at.outputs; ++o) {
      const double error = output[o] - targets[i * at.outputs + o], grad = 2 * scale * error;
      loss += scale * error * error;
      gradient[at.b2 + o] += grad;
      for (std::size_t h = 0; h < at.hidden; ++h) {
        gradient[at.w2 + o * at.hidden + h] += grad * hidden[h];
        back[h] += grad * p[at.w2 + o * at.hidden + h];
      }
    }
    for (std::size_t h = 0; h < at.hidden; ++h) {
      const double grad = hidden[h] > 0 ? back[h] : 0.0;
      gradient[at.b1 + h] += grad;
      gradient[in.first * at.hidden + h] += grad;
      if (in.two) gradient[in.second * at.hidden + h] += grad;
    }
  }
  return loss;
}

FactorNetworkResult train_factor_network(const FactorWorld& world, const FactorNetworkConfig& c) {
  check(c);
  const Layout at(world, c);
  const std::vector<double> targets = factor_targets(world, c);
  FactorNetworkResult r;
  r.parameters = init_factor_network(world, c);
  std::vector<double> gradient;
  HostAdam adam(at.size);
  for (std::int64_t step = 0; step < c.steps; ++step) {
    factor_network_loss(world, c, r.parameters, targets, gradient);
    const double progress = static_cast<double>(step) / static_cast<double>(c.steps);
    adam.step(r.parameters, gradient, c.rate * (1 + std::cos(std::numbers::pi * progress)) / 2,
              c.weight_decay);
  }
  r.diverged =
      !std::all_of(r.parameters.begin(), r.parameters.end(), [](double v) { return std::abs(v) < 1e6; });
  std::vector<double> hidden(world.combinations() * at.hidden), output(world.combinations() * at.outputs);
  for (std::size_t i = 0; i < world.combinations(); ++i)
    forward(at, inputs_of(world, c, i), r.parameters, hidden.data() + i * at.hidden,
            output.data() + i * at.outputs);
  r.r2_train = factor_r2(world, output, targets, c.outputs, false);
  r.r2_held_out = factor_r2(world, output, targets, c.outputs, true);
  r.interaction = interaction_share(world, hidden, c.hidden);
  const std::vector<double> additive = additive_fit(world, targets, c.outputs);
  r.additive_r2_train = factor_r2(world, additive, targets, c.outputs, false);
  r.additive_r2_held_out = factor_r2(world, additive, targets, c.outputs, true);
  return r;
}

}  // namespace polysem
