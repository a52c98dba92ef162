#pragma once

#include "bench/program/experiment.hpp"
#include "polysem/feature_geometry.hpp"
#include "polysem/polytope.hpp"
#include "polysem/toy_loss.hpp"
#include "polysem/toy_training.hpp"

namespace polysem::program::toy {

/// One trained instance, measured.
struct Trained {
  bool diverged = false;
  std::int64_t restart = 0;  ///< which of the restarts was the best, from 0
  std::int64_t diverged_restarts = 0;
  ToyLoss loss;
  std::vector<float> directions;  ///< [features, dims]: W_i, columns of W
  FeatureGeometry geometry;
  std::int64_t represented = 0;
  FeaturePolytope polytope;

  Directions rows(std::int64_t features, std::int64_t dims) const { return {directions, features, dims}; }
};

struct TrainedSet {
  ToyWeights weights;  ///< of the restarts that were kept
  std::vector<Trained> instances;
};

struct TrainPlan {
  ToyConfig config;  ///< of the instances as they are reported
  ToyTraining training;
  std::int64_t restarts = 1;      ///< initialisations of each instance; the one of least loss is kept
  std::int64_t samples = 100000;  ///< for losses that are not exact
  std::string label = "training";
  bool name_polytopes = true;
};

/// Trains all instances and restarts side by side, in groups where they are many, with progress; then losses
/// and geometry.
TrainedSet train_and_measure(const Arguments& arguments, Session& session, const TrainPlan& plan);

/// One instance's weights, measured; without its loss.
Trained measured(const ToyConfig& config, const ToyWeights& weights, std::int64_t number,
                 bool name_polytopes = true);

/// The keys that every result has for an instance.
nlohmann::json instance_json(const ToyConfig& config, const TrainedSet& set, std::int64_t number);
/// W [K, M, N], b [K, N], and where there is one decoder [K, N, M].
std::vector<NamedTensor> weight_tensors(const ToyConfig& config, const ToyWeights& weights);

/// "0.00890", with a standard error "0.0130 +- 0.0002", or "diverged".
std::string loss_text(const Trained& trained);

/// f(i) for i in [0, count), on `threads` threads (0: all), in any order. For work that is not a backend's.
void in_parallel(std::int64_t count, int threads, const std::function<void(std::int64_t)>& f);
int threads_of(const Arguments& arguments);

}  // namespace polysem::program::toy
