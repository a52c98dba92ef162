#pragma once

#include <string>
#include <vector>

#include "bench/program/experiment.hpp"
#include "bench/program/mean.hpp"
#include "polysem/tied_training.hpp"

namespace polysem::program::incidental {

/// One point of an experiment: autoencoders that differ by their seed alone.
struct Setup {
  std::string name;  ///< also of its weights
  TiedConfig config;
  TiedTraining training;
  TiedInit init = TiedInit::kNormal;
};

struct Measured {
  std::vector<TiedCounts> counts;  ///< of each instance; of those that diverged all 0
  std::vector<bool> diverged;
  Mean polysemantic, same_sign;  ///< neurons
  Mean strong;                   ///< strong weights of a feature
  Mean fourth_power;             ///< mean over features of sum_k W_ik^4
  Mean kept_winner;              ///< share of features whose largest weight is where it was at the start
  Mean error;                    ///< squared error of a feature's outputs, without noise
  double expected = 0;           ///< polysemantic neurons by the exact formula
  std::vector<float> w;          ///< [instances, features, neurons]

  std::int64_t converged() const;
};

/// Trains and measures each point in turn, with one progress line.
std::vector<Measured> measure(const Arguments& arguments, Session& session, const std::vector<Setup>& setups);

/// What every result says of a point; its instances go to result["instances"].
nlohmann::json point_json(const Setup& setup, const Measured& measured);
void add_instances(nlohmann::json& result, const Setup& setup, const Measured& measured);
NamedTensor weights_of(const Setup& setup, const Measured& measured);

/// Options that several experiments have, with their defaults and those of --quick.
struct Defaults {
  std::string features = "32", quick_features = "", neurons = "96", quick_neurons = "", instances = "30",
              quick_instances = "10", steps = "7500", quick_steps = "", lr = "1e-3", l1 = "1e-3",
              weight_decay = "0.01", optimizer = "adamw";
};
std::vector<OptionSpec> options(const Defaults& defaults);
/// --features, --instances, --steps, --optimizer, --lr, --l1, --weight-decay and --seed; neurons from
/// `neurons`.
Setup setup_of(const Arguments& arguments, std::int64_t neurons);
/// --neurons, in ascending order.
std::vector<std::int64_t> neurons_of(const Arguments& arguments);
std::int64_t only_neurons(const Arguments& arguments);

}  // namespace polysem::program::incidental
