#include "polysem/toy_training.hpp"

#include <cmath>
#include <string>

#include "polysem/error.hpp"

namespace polysem {

namespace {

// A parameter of all instances with its gradient and what the optimiser keeps of it.
class Parameter {
 public:
  Parameter(Executor& run, const std::vector<float>& values, std::int64_t rows, std::int64_t cols)
      : value_(run.make_from(rows, cols, values)),
        gradient_(run.zeros(rows, cols)),
        first_(run.zeros(rows, cols)),
        second_(run.zeros(rows, cols)) {}

  const Array& value() const { return value_; }
  const Array& gradient() const { return gradient_; }

  void step(Executor& run, const ToyTraining& t, double rate, std::int64_t number) {
    const std::int64_t rows = value_.rows(), cols = value_.cols();
    const auto add = [&](const Array& to, double keep, const Array& what, double factor) {
      run.run(Elementwise{Elementwise::Kind::kAxpby, rows, cols, rows, cols, static_cast<float>(keep),
                          static_cast<float>(factor)},
              {.a = to, .b = what, .out = to});
    };
    const bool decoupled = t.optimiser == ToyOptimiser::kAdamW;
    if (!decoupled && t.weight_decay != 0) add(gradient_, 1, value_, t.weight_decay);
    if (t.optimiser == ToyOptimiser::kSgd) {
      if (t.momentum != 0) add(first_, t.momentum, gradient_, 1);
      add(value_, 1, t.momentum != 0 ? first_ : gradient_, -rate);
      return;
    }
    AdamStep adam{.rate = static_cast<float>(rate),
                  .weight_decay = decoupled ? static_cast<float>(t.weight_decay) : 0.0f,
                  .step = number};
    if (t.optimiser == ToyOptimiser::kRmsProp) {
      // Adam without a mean of gradients; after so many steps nothing is left of the correction.
      adam.beta1 = 0.0f, adam.beta2 = 0.99f, adam.step = std::int64_t{1} << 40;
    }
    run.run(AdamUpdate{.rows = rows, .cols = cols, .adam = adam},
            {.gradient = gradient_, .parameter = value_, .m = first_, .v = second_});
  }

 private:
  Array value_, gradient_, first_, second_;
};

class Run {
 public:
  Run(Executor& executor, const ToyConfig& c, const ToyTraining& t, const ToyWeights& weights,
      const ToyObserver& observer)
      : run_(executor),
        c_(c),
        t_(t),
        observer_(observer),
        batch_(observer.samples.empty() ? t.batch : observer.sample_count),
        w_(run_, weights.w, c.instances * c.dims, c.features),
        bias_(run_, weights.bias, c.instances, c.features),
        density_(run_.make_from(c.instances, c.features, c.density)),
        importance_(run_.make_from(c.instances, c.features, c.importance)),
        loss_(run_.zeros(1, c.instances)),
        x_(run_.make(c.instances * c.features, batch_)) {
    if (!c.tied)
      decoder_ = std::make_unique<Parameter>(run_, weights.decoder, c.instances * c.features, c.dims);
    if (!observer.samples.empty()) run_.upload(x_, observer.samples);
  }

  ToyResult train() {
    for (std::int64_t step = 1; step <= t_.rate.steps; ++step) {
      if (observer_.stop_requested && step % 64 == 0 && observer_.stop_requested())
        throw Error(ErrorCode::kInterrupted, "stopped after " + std::to_string(step - 1) + " steps");
      take_step(step);
      if (observer_.on_step && observer_.every > 0 && (step % observer_.every == 0 || step == t_.rate.steps))
        observer_.on_step({step, losses()}, weights());
    }
    run_.synchronize();
    ToyResult result{weights(), {}};
    mark_diverged(result);
    return result;
  }

 private:
  void take_step(std::int64_t step) {
    if (observer_.samples.empty())
      run_.run(FeatureFill{.instances = c_.instances,
                           .features = c_.features,
                           .batch = batch_,
                           .sets = c_.sets,
                           .set_size = c_.set_size,
                           .symmetric = c_.symmetric,
                           .seed = t_.seed,
                           .first = static_cast<std::uint64_t>(step - 1) *
                                    static_cast<std::uint64_t>(x_.rows() * x_.cols())},
               {.density = density_, .out = x_});
    run_.run(ToyGrad{.instances = c_.instances,
                     .features = c_.features,
                     .dims = c_.dims,
                     .batch = batch_,
                     .relu_hidden = c_.relu_hidden,
                     .relu_output = c_.relu_output,
                     .absolute_target = c_.absolute_target,
                     .tied = c_.tied,
                     .scale = static_cast<float>(1.0 / static_cast<double>(batch_ * c_.features))},
             {.x = x_,
              .w = w_.value(),
              .decoder = decoder_ ? decoder_->value().view() : Tensor{},
              .bias = bias_.value(),
              .importance = importance_,
              .loss = loss_,
              .w_grad = w_.gradient(),
              .decoder_grad = decoder_ ? decoder_->gradient().view() : Tensor{},
              .bias_grad = bias_.gradient()});
    const double rate = t_.rate.at(step);
    w_.step(run_, t_, rate, step);
    if (decoder_) decoder_->step(run_, t_, rate, step);
    bias_.step(run_, t_, rate, step);
    run_.submit();
  }

  std::vector<float> losses() {
    std::vector<float> values = run_.download_f32(loss_);
    for (float& value : values) value *= static_cast<float>(c_.features);
    return values;
  }

  ToyWeights weights() {
    return {.w = run_.download_f32(w_.value()),
            .decoder = decoder_ ? run_.download_f32(decoder_->value()) : std::vector<float>(),
            .bias = run_.download_f32(bias_.value())};
  }

  void mark_diverged(ToyResult& result) const {
    constexpr float kLargest = 1e6f;
    result.diverged.assign(static_cast<std::size_t>(c_.instances), false);
    const auto look = [&](const std::vector<float>& values) {
      const std::size_t each = values.size() / result.diverged.size();
      for (std::size_t i = 0; i < values.size(); ++i)
        if (!(std::abs(values[i]) <= kLargest)) result.diverged[i / each] = true;
    };
    look(result.weights.w), look(result.weights.decoder), look(result.weights.bias);
  }

  Executor& run_;
  const ToyConfig& c_;
  const ToyTraining& t_;
  const ToyObserver& observer_;
  std::int64_t batch_;
  Parameter w_, bias_;
  std::unique_ptr<Parameter> decoder_;
  Array density_, importance_, loss_, x_;
};

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "toy training: " + what);
}

}  // namespace

void validate(const ToyTraining& t) {
  if (t.rate.steps < 0) refuse("steps must not be negative");
  if (t.batch < 1) refuse("batch must be at least 1");
  if (!(t.rate.peak >= 0 && std::isfinite(t.rate.peak))) refuse("lr must be finite and not negative");
  if (!(t.weight_decay >= 0 && std::isfinite(t.weight_decay)))
    refuse("weight decay must be finite and not negative");
  if (!(t.momentum >= 0 && t.momentum < 1)) refuse("momentum must be in [0, 1)");
}

ToyResult train_toy(Executor& executor, const ToyConfig& config, const ToyTraining& training,
                    ToyWeights weights, const ToyObserver& observer) {
  validate(config), validate(training);
  if (weights.w.size() != config.weights() || weights.bias.size() != config.biases() ||
      weights.decoder.size() != (config.tied ? 0 : config.weights()))
    refuse("the weights do not have the sizes of the model");
  if (!observer.samples.empty() &&
      observer.samples.size() != config.biases() * static_cast<std::size_t>(observer.sample_count))
    refuse("samples must be instances times features times sample_count values");
  return Run(executor, config, training, weights, observer).train();
}

}  // namespace polysem
