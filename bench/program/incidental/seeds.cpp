#include "bench/program/incidental/seeds.hpp"

#include <algorithm>

#include "bench/program/terminal.hpp"
#include "bench/program/toy/options.hpp"

namespace polysem::program::incidental {

namespace {

// Work of a point, for the progress line.
double work_of(const Setup& s) {
  return static_cast<double>(s.training.steps) * static_cast<double>(s.config.instances) *
         static_cast<double>(s.config.features) * static_cast<double>(s.config.neurons);
}

// Squared errors without noise and L1, divided by the number of features.
std::vector<double> errors_of(Executor& executor, const TiedConfig& c, const std::vector<float>& w) {
  const std::int64_t rows = c.instances * c.features;
  const Array weights = executor.make_from(rows, c.neurons, w), gradient = executor.make(rows, c.neurons);
  const Array loss = executor.make(1, c.instances);
  executor.run(TiedGrad{.instances = c.instances,
                        .features = c.features,
                        .neurons = c.neurons,
                        .negative_slope = static_cast<float>(c.negative_slope)},
               {.w = weights, .noise = {}, .loss = loss, .grad = gradient});
  std::vector<double> errors;
  for (const float value : executor.download_f32(loss))
    errors.push_back(value / static_cast<double>(c.features));
  return errors;
}

Measured measure_one(Session& session, const Setup& setup, const TiedObserver& observer) {
  const TiedConfig& c = setup.config;
  const std::vector<float> start = init_tied(c, setup.init, setup.training.seed);
  TiedResult result = train_tied(session.executor(), c, setup.training, start, observer);
  const std::vector<double> errors = errors_of(session.executor(), c, result.w);
  std::vector<double> polysemantic, same_sign, strong, fourth, kept, error;
  Measured m;
  const auto features = static_cast<double>(c.features);
  for (std::size_t i = 0; i < static_cast<std::size_t>(c.instances); ++i) {
    m.counts.emplace_back();
    if (result.diverged[i]) continue;
    const std::size_t each = c.weights_per_instance();
    const auto w = std::span<const float>(result.w).subspan(i * each, each);
    m.counts[i] =
        count_strong(w, c.features, c.neurons, std::span<const float>(start).subspan(i * each, each));
    polysemantic.push_back(static_cast<double>(m.counts[i].polysemantic));
    same_sign.push_back(static_cast<double>(m.counts[i].same_sign));
    strong.push_back(static_cast<double>(m.counts[i].strong) / features);
    kept.push_back(static_cast<double>(m.counts[i].kept_winner) / features);
    fourth.push_back(mean_fourth_power(w, c.features, c.neurons));
    error.push_back(errors[i]);
  }
  m.polysemantic = mean_of(polysemantic), m.same_sign = mean_of(same_sign), m.strong = mean_of(strong);
  m.fourth_power = mean_of(fourth), m.kept_winner = mean_of(kept), m.error = mean_of(error);
  m.expected = expected_collisions(c.features, c.neurons);
  m.diverged = std::move(result.diverged), m.w = std::move(result.w);
  return m;
}

}  // namespace

std::int64_t Measured::converged() const { return std::count(diverged.begin(), diverged.end(), false); }

std::vector<Measured> measure(const Arguments& arguments, Session& session,
                              const std::vector<Setup>& setups) {
  double all = 0, done = 0;
  for (const Setup& setup : setups) validate(setup.training, setup.config), all += work_of(setup);
  constexpr std::int64_t kParts = 10000;
  Progress progress("training: 1/" + std::to_string(kParts), kParts, arguments.flag("quiet"));
  std::vector<Measured> results;
  for (const Setup& setup : setups) {
    TiedObserver observer;
    observer.stop_requested = stop_requested;
    observer.on_progress = [&](std::int64_t step) {
      const double part = static_cast<double>(step) /
                          static_cast<double>(std::max<std::int64_t>(setup.training.steps, 1)) *
                          work_of(setup);
      progress.update(static_cast<std::int64_t>((done + part) / std::max(all, 1.0) * kParts), setup.name);
    };
    results.push_back(measure_one(session, setup, observer));
    done += work_of(setup);
  }
  return results;
}

nlohmann::json point_json(const Setup& setup, const Measured& m) {
  return {{"name", setup.name},
          {"features", setup.config.features},
          {"neurons", setup.config.neurons},
          {"instances", setup.config.instances},
          {"diverged", setup.config.instances - m.converged()},
          {"polysemantic", mean_json(m.polysemantic)},
          {"expected", m.expected},
          {"asymptotic", asymptotic_collisions(setup.config.features, setup.config.neurons)},
          {"same_sign", mean_json(m.same_sign)},
          {"strong_per_feature", mean_json(m.strong)},
          {"fourth_power", mean_json(m.fourth_power)},
          {"kept_winner", mean_json(m.kept_winner)},
          {"error_per_feature", mean_json(m.error)}};
}

void add_instances(nlohmann::json& result, const Setup& setup, const Measured& m) {
  for (std::size_t i = 0; i < m.counts.size(); ++i)
    result["instances"].push_back({{"name", setup.name},
                                   {"features", setup.config.features},
                                   {"neurons", setup.config.neurons},
                                   {"diverged", static_cast<bool>(m.diverged[i])},
                                   {"polysemantic", m.counts[i].polysemantic},
                                   {"same_sign", m.counts[i].same_sign},
                                   {"strong", m.counts[i].strong},
                                   {"kept_winner", m.counts[i].kept_winner}});
}

NamedTensor weights_of(const Setup& setup, const Measured& m) {
  return {"W." + setup.name, {setup.config.instances, setup.config.features, setup.config.neurons}, m.w};
}

std::vector<OptionSpec> options(const Defaults& d) {
  return {
      {.name = "quick", .value_name = "", .value = "", .help = "a small version, in seconds"},
      {.name = "features",
       .value_name = "N",
       .value = d.features,
       .help = "features",
       .quick = d.quick_features},
      {.name = "neurons",
       .value_name = "M",
       .value = d.neurons,
       .help = "neurons of the hidden layer",
       .list = true,
       .quick = d.quick_neurons},
      {.name = "instances",
       .value_name = "K",
       .value = d.instances,
       .help = "seeds of each point",
       .quick = d.quick_instances},
      {.name = "steps",
       .value_name = "N",
       .value = d.steps,
       .help = "training steps",
       .quick = d.quick_steps},
      {.name = "optimizer", .value_name = "NAME", .value = d.optimizer, .help = "adamw or sgd"},
      {.name = "lr", .value_name = "RATE", .value = d.lr, .help = "learning rate"},
      {.name = "l1", .value_name = "L", .value = d.l1, .help = "L1 of the weights, in the loss"},
      {.name = "weight-decay", .value_name = "W", .value = d.weight_decay, .help = "decoupled weight decay"},
  };
}

Setup setup_of(const Arguments& a, std::int64_t neurons) {
  Setup s;
  s.config.features = a.integer("features", 1, 1 << 16);
  s.config.neurons = neurons;
  s.config.instances = a.integer("instances", 1, 1 << 16);
  if (neurons < s.config.features)
    a.refuse("neurons", "expected at least as many as --features, " + std::to_string(s.config.features) +
                            ", found " + std::to_string(neurons) +
                            ": with fewer, features share neurons because they must");
  s.training.optimiser = a.choice("optimizer", {"adamw", "sgd"}) == "sgd" ? TiedTraining::Optimiser::kSgd
                                                                          : TiedTraining::Optimiser::kAdamW;
  s.training.rate = a.number("lr", 1e-12, 1e6);
  s.training.l1 = a.number("l1", 0, 1e6);
  s.training.weight_decay = a.number("weight-decay", 0, 1e6);
  s.training.steps = a.integer("steps", 1, std::int64_t{1} << 40);
  s.training.seed = static_cast<std::uint64_t>(a.integer("seed", 0, std::int64_t{1} << 53));
  s.name = "m" + std::to_string(neurons);
  return s;
}

std::vector<std::int64_t> neurons_of(const Arguments& a) {
  return toy::whole_numbers_of(a, "neurons", 1, 1 << 20);
}

std::int64_t only_neurons(const Arguments& a) {
  const auto neurons = neurons_of(a);
  if (neurons.size() != 1) a.refuse("neurons", "expected one number");
  return neurons.front();
}

}  // namespace polysem::program::incidental
