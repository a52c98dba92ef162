#include "polysem/tied_training.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {

namespace {

constexpr std::int64_t kNoiseSteps = 64;  // steps whose noise is drawn and uploaded at once

/// Draws of the next steps on the device: [kNoiseSteps instances, neurons].
class NoiseFeeder {
 public:
  NoiseFeeder(Executor& executor, const TiedConfig& config, const TiedTraining& training)
      : executor_(executor), config_(config), training_(training) {
    if (!noisy()) return;
    host_.resize(static_cast<std::size_t>(kNoiseSteps * config.instances * config.neurons));
    device_ = executor.make(kNoiseSteps * config.instances, config.neurons);
  }

  /// Of step 0, 1, ...; an absent tensor where there is no noise. Steps ascend by one.
  Tensor of(std::int64_t step) {
    if (!noisy()) return {};
    if (step % kNoiseSteps == 0) draw(step);
    return device_.view().row_range(step % kNoiseSteps * config_.instances, config_.instances);
  }

 private:
  bool noisy() const {
    return std::any_of(training_.noise.begin(), training_.noise.end(),
                       [](const TiedNoise& n) { return n.kind != TiedNoise::Kind::kNone && n.sd != 0; });
  }

  void draw(std::int64_t first_step) {
    const Random random(training_.seed, RandomStream::kNoise);
    const auto m = static_cast<std::uint64_t>(config_.neurons);
    std::size_t at = 0;
    for (std::int64_t step = first_step; step < first_step + kNoiseSteps; ++step) {
      for (std::int64_t i = 0; i < config_.instances; ++i) {
        const TiedNoise& noise =
            training_.noise[training_.noise.size() == 1 ? 0 : static_cast<std::size_t>(i)];
        for (std::uint64_t k = 0; k < m; ++k)
          host_[at++] = value(random, noise, static_cast<std::uint64_t>(step) * m + k);
      }
    }
    executor_.upload(device_, host_);
  }

  static float value(const Random& random, const TiedNoise& noise, std::uint64_t index) {
    const auto sd = static_cast<float>(noise.sd);
    switch (noise.kind) {
      case TiedNoise::Kind::kNone:
        return 0;
      case TiedNoise::Kind::kBipolar:
        return (random.bits(index) >> 31) != 0 ? sd : -sd;
      case TiedNoise::Kind::kGaussian:
        return sd * random.normal(index);
    }
    return 0;
  }

  Executor& executor_;
  const TiedConfig& config_;
  const TiedTraining& training_;
  std::vector<float> host_;
  Array device_;
};

class Optimiser {
 public:
  Optimiser(Executor& executor, const TiedTraining& training, std::int64_t rows, std::int64_t cols)
      : executor_(executor), training_(training), rows_(rows), cols_(cols) {
    if (training.optimiser == TiedTraining::Optimiser::kAdamW)
      m_ = executor.zeros(rows, cols), v_ = executor.zeros(rows, cols);
  }

  void step(std::int64_t number, const Tensor& w, const Tensor& gradient) {
    const auto rate = static_cast<float>(training_.rate), decay = static_cast<float>(training_.weight_decay);
    if (training_.optimiser == TiedTraining::Optimiser::kSgd) {
      executor_.run(Elementwise{.kind = Elementwise::Kind::kAxpby,
                                .rows = rows_,
                                .cols = cols_,
                                .b_rows = rows_,
                                .b_cols = cols_,
                                .alpha = 1 - rate * decay,
                                .beta = -rate},
                    {.a = w, .b = gradient, .out = w});
      return;
    }
    AdamUpdate update{.rows = rows_, .cols = cols_};
    update.adam = {.rate = rate, .weight_decay = decay, .step = number};
    executor_.run(update, {.gradient = gradient, .parameter = w, .m = m_, .v = v_});
  }

 private:
  Executor& executor_;
  const TiedTraining& training_;
  std::int64_t rows_, cols_;
  Array m_, v_;
};

std::vector<bool> diverged(const TiedConfig& config, const std::vector<float>& w) {
  std::vector<bool> result;
  const auto each = static_cast<std::ptrdiff_t>(config.weights_per_instance());
  for (auto at = w.begin(); at != w.end(); at += each)
    result.push_back(!std::all_of(at, at + each, [](float v) { return std::abs(v) <= 1e6f; }));
  return result;
}

}  // namespace

void validate(const TiedTraining& training, const TiedConfig& config) {
  validate(config);
  const auto need = [](bool good, const std::string& what) {
    if (!good) throw Error(ErrorCode::kInvalidArgument, what);
  };
  need(training.rate > 0 && std::isfinite(training.rate), "the learning rate must be above 0");
  need(training.weight_decay >= 0 && std::isfinite(training.weight_decay),
       "the weight decay must not be negative");
  need(training.l1 >= 0 && std::isfinite(training.l1), "the L1 coefficient must not be negative");
  need(training.steps >= 0, "the number of steps must not be negative");
  need(training.noise.size() <= 1 || training.noise.size() == static_cast<std::size_t>(config.instances),
       "noise: expected none, one for all instances, or one each");
  for (const TiedNoise& noise : training.noise)
    need(noise.sd >= 0 && std::isfinite(noise.sd), "the noise's standard deviation must not be negative");
}

TiedResult train_tied(Executor& executor, const TiedConfig& config, const TiedTraining& training,
                      std::vector<float> start, const TiedObserver& observer) {
  validate(training, config);
  const std::int64_t rows = config.instances * config.features, cols = config.neurons;
  if (static_cast<std::int64_t>(start.size()) != rows * cols)
    throw Error(ErrorCode::kInvalidArgument, "the initial weights do not have the shape of the model");
  const Array w = executor.make_from(rows, cols, start), gradient = executor.make(rows, cols);
  const Array loss = executor.zeros(1, config.instances);
  const TiedGrad op{.instances = config.instances,
                    .features = config.features,
                    .neurons = cols,
                    .negative_slope = static_cast<float>(config.negative_slope),
                    .l1 = static_cast<float>(training.l1)};
  NoiseFeeder noise(executor, config, training);
  Optimiser optimiser(executor, training, rows, cols);
  auto next = observer.at.begin();
  const auto observe = [&](std::int64_t step) {
    if (next == observer.at.end() || *next != step) return;
    ++next;
    if (observer.on_step) observer.on_step(step, executor.download_f32(w));
  };
  observe(0);
  // Steps between looks at the clock and the keyboard: about a million weights.
  const std::int64_t every =
      std::clamp<std::int64_t>((1 << 24) / std::max<std::int64_t>(rows * cols, 1), 1, 1024);
  for (std::int64_t step = 0; step < training.steps; ++step) {
    if (step % every == 0) {
      if (observer.stop_requested && observer.stop_requested())
        throw Error(ErrorCode::kInterrupted, "stopped by the user at step " + std::to_string(step));
      if (observer.on_progress) observer.on_progress(step);
    }
    executor.run(op, {.w = w, .noise = noise.of(step), .loss = loss, .grad = gradient});
    optimiser.step(step + 1, w, gradient);
    observe(step + 1);
  }
  if (observer.on_progress) observer.on_progress(training.steps);
  TiedResult result;
  result.w = executor.download_f32(w);
  result.loss = executor.download_f32(loss);
  result.diverged = diverged(config, result.w);
  return result;
}

}  // namespace polysem
