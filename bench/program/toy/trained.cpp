#include "bench/program/toy/trained.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>

#include "bench/program/terminal.hpp"
#include "polysem/error.hpp"

namespace polysem::program::toy {

namespace {

// Elements of the samples of one step that are trained at once: 256 MB.
constexpr std::int64_t kMostAtOnce = std::int64_t{1} << 26;

template <class T>
void append_part(std::vector<T>& to, const std::vector<T>& from, std::int64_t number, std::int64_t size) {
  const auto first = from.begin() + number * size;
  to.insert(to.end(), first, first + size);
}

// Runs [first, first + count) of a configuration whose run r belongs to instance r / restarts.
ToyConfig part_of(const TrainPlan& plan, std::int64_t first, std::int64_t count) {
  ToyConfig part = plan.config;
  part.instances = count;
  part.density.clear(), part.importance.clear();
  for (std::int64_t r = first; r < first + count; ++r) {
    append_part(part.density, plan.config.density, r / plan.restarts, plan.config.features);
    append_part(part.importance, plan.config.importance, r / plan.restarts, plan.config.features);
  }
  return part;
}

ToyWeights weights_of(const ToyConfig& c, const ToyWeights& all, std::int64_t first, std::int64_t count) {
  ToyWeights part;
  const std::int64_t w = c.dims * c.features;
  for (std::int64_t r = first; r < first + count; ++r) {
    append_part(part.w, all.w, r, w);
    append_part(part.bias, all.bias, r, c.features);
    if (!c.tied) append_part(part.decoder, all.decoder, r, w);
  }
  return part;
}

void append(ToyWeights& to, const ToyWeights& from) {
  to.w.insert(to.w.end(), from.w.begin(), from.w.end());
  to.decoder.insert(to.decoder.end(), from.decoder.begin(), from.decoder.end());
  to.bias.insert(to.bias.end(), from.bias.begin(), from.bias.end());
}

// All runs, in groups that fit; every group has random numbers of its own.
ToyResult train_runs(const Arguments& arguments, Session& session, const TrainPlan& plan,
                     const ToyConfig& runs) {
  const ToyWeights start = init_toy_weights(runs, plan.training.seed);
  const std::int64_t each = plan.config.features * plan.training.batch;
  const std::int64_t group = std::clamp<std::int64_t>(kMostAtOnce / each, 1, runs.instances);
  const std::int64_t groups = (runs.instances + group - 1) / group, steps = plan.training.rate.steps;
  Progress progress(plan.label + ": step", groups * steps, arguments.flag("quiet"));
  ToyResult all;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t first = g * group, count = std::min(group, runs.instances - first);
    ToyTraining training = plan.training;
    training.seed += static_cast<std::uint64_t>(g) << 32;
    ToyObserver observer;
    observer.stop_requested = stop_requested;
    observer.every = std::max<std::int64_t>(1, steps / 200);
    observer.on_step = [&](const ToyProgress& p, const ToyWeights&) {
      double sum = 0;
      for (const float loss : p.loss) sum += loss;
      progress.update(g * steps + p.step, "mean loss " + significant(sum / static_cast<double>(count)));
    };
    const ToyResult result = train_toy(session.executor(), part_of(plan, first, count), training,
                                       weights_of(runs, start, first, count), observer);
    append(all.weights, result.weights);
    all.diverged.insert(all.diverged.end(), result.diverged.begin(), result.diverged.end());
  }
  return all;
}

}  // namespace

Trained measured(const ToyConfig& c, const ToyWeights& weights, std::int64_t number, bool name_polytopes) {
  Trained t;
  const std::span<const float> w(weights.w.data() + number * c.dims * c.features,
                                 static_cast<std::size_t>(c.dims * c.features));
  t.directions = transposed(w, c.dims, c.features);
  t.geometry = feature_geometry(t.rows(c.features, c.dims));
  t.represented = features_represented(t.geometry);
  if (name_polytopes) t.polytope = name_polytope(t.rows(c.features, c.dims));
  return t;
}

TrainedSet train_and_measure(const Arguments& arguments, Session& session, const TrainPlan& plan) {
  const ToyConfig& c = plan.config;
  validate(c), validate(plan.training);
  const ToyConfig runs = part_of(plan, 0, c.instances * plan.restarts);
  const ToyResult result = train_runs(arguments, session, plan, runs);
  std::vector<ToyLoss> losses(result.diverged.size());
  in_parallel(runs.instances, threads_of(arguments), [&](std::int64_t r) {
    if (!result.diverged[static_cast<std::size_t>(r)])
      losses[static_cast<std::size_t>(r)] =
          toy_loss(runs, result.weights, r, plan.samples, plan.training.seed + 1);
  });
  TrainedSet set;
  set.instances.resize(static_cast<std::size_t>(c.instances));
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < c.instances; ++i) {
    std::int64_t best = -1, diverged = 0;
    for (std::int64_t r = i * plan.restarts; r < (i + 1) * plan.restarts; ++r) {
      if (result.diverged[static_cast<std::size_t>(r)]) {
        ++diverged;
      } else if (best < 0 ||
                 losses[static_cast<std::size_t>(r)].value < losses[static_cast<std::size_t>(best)].value) {
        best = r;
      }
    }
    Trained& t = set.instances[static_cast<std::size_t>(i)];
    kept.push_back(best < 0 ? i * plan.restarts : best);
    append(set.weights, weights_of(runs, result.weights, kept.back(), 1));
    t.diverged = best < 0, t.diverged_restarts = diverged;
  }
  in_parallel(c.instances, threads_of(arguments), [&](std::int64_t i) {
    Trained& t = set.instances[static_cast<std::size_t>(i)];
    if (t.diverged) return;
    const std::int64_t diverged = t.diverged_restarts, run = kept[static_cast<std::size_t>(i)];
    t = measured(plan.config, set.weights, i, plan.name_polytopes);
    t.diverged_restarts = diverged, t.restart = run - i * plan.restarts;
    t.loss = losses[static_cast<std::size_t>(run)];
  });
  return set;
}

nlohmann::json instance_json(const ToyConfig& config, const TrainedSet& set, std::int64_t number) {
  const Trained& t = set.instances[static_cast<std::size_t>(number)];
  nlohmann::json j = {{"diverged", t.diverged}, {"diverged_restarts", t.diverged_restarts}};
  if (t.diverged) {
    j["loss"] = nullptr;
    return j;
  }
  const auto bias = set.weights.bias.begin() + number * config.features;
  j["restart"] = t.restart;
  j["loss"] = t.loss.value;
  if (!t.loss.exact) j["loss_standard_error"] = t.loss.standard_error;
  j["norms"] = t.geometry.norms;
  j["bias"] = std::vector<float>(bias, bias + config.features);
  j["dimensionality"] = t.geometry.dimensionality;
  j["interference"] = t.geometry.interference;
  j["leverage"] = t.geometry.leverage;
  j["dims_per_feature"] = t.geometry.dims_per_feature;
  j["capacity"] = t.geometry.capacity;
  j["rank"] = t.geometry.rank;
  j["frame_potential"] = t.geometry.frame_potential;
  j["coherence"] = t.geometry.coherence;
  j["represented"] = t.represented;
  if (t.polytope.name.empty()) return j;
  j["geometry"] = t.polytope.name;
  j["geometry_factors"] = nlohmann::json::array();
  for (const PolytopeFactor& f : t.polytope.factors)
    j["geometry_factors"].push_back({{"name", f.name}, {"features", f.features}, {"error", f.error}});
  return j;
}

std::vector<NamedTensor> weight_tensors(const ToyConfig& c, const ToyWeights& weights) {
  std::vector<NamedTensor> list = {{"W", {c.instances, c.dims, c.features}, weights.w},
                                   {"b", {c.instances, c.features}, weights.bias}};
  if (!c.tied) list.push_back({"decoder", {c.instances, c.features, c.dims}, weights.decoder});
  return list;
}

std::string loss_text(const Trained& t) {
  if (t.diverged) return "diverged";
  return significant(t.loss.value, 6) + (t.loss.exact ? "" : " +- " + significant(t.loss.standard_error, 2));
}

int threads_of(const Arguments& arguments) {
  const auto asked = static_cast<int>(arguments.integer("threads", 0, 1024));
  return asked > 0 ? asked : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

void in_parallel(std::int64_t count, int threads, const std::function<void(std::int64_t)>& f) {
  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::int64_t i = next++; i < count; i = next++) {
      try {
        if (stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped");
        f(i);
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::thread> others;
  for (int t = 1; t < std::min<std::int64_t>(threads, count); ++t) others.emplace_back(work);
  work();
  for (std::thread& t : others) t.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace polysem::program::toy
