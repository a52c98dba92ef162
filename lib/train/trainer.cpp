#include "polysem/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "lib/engine/out_of_memory.hpp"
#include "lib/train/checkpoint.hpp"
#include "lib/train/l0_controller.hpp"
#include "lib/train/row_feeder.hpp"
#include "lib/train/train_config.hpp"
#include "polysem/coder_init.hpp"
#include "polysem/error.hpp"
#include "polysem/recipe.hpp"

namespace polysem {

namespace {

// Rows that initial weights, the input scale and the variance come from.
constexpr std::int64_t kSampleRows = 32768;
// Rows that the encoder is scaled on, and that thresholds begin from.
constexpr std::int64_t kRescaleRows = 2048;

using Clock = std::chrono::steady_clock;

double mean_length(std::span<const float> rows, std::int64_t dim) {
  double total = 0;
  for (std::size_t start = 0; start < rows.size(); start += static_cast<std::size_t>(dim)) {
    double squares = 0;
    for (std::int64_t d = 0; d < dim; ++d) squares += std::pow(rows[start + static_cast<std::size_t>(d)], 2);
    total += std::sqrt(squares);
  }
  return total * static_cast<double>(dim) / static_cast<double>(rows.size());
}

double variance_of(std::span<const float> rows, std::int64_t dim) {
  const auto width = static_cast<std::size_t>(dim);
  const double count = static_cast<double>(rows.size()) / static_cast<double>(dim);
  std::vector<double> mean(width, 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i) mean[i % width] += rows[i] / count;
  double total = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) total += std::pow(rows[i] - mean[i % width], 2);
  return total / count;
}

// BatchTopK's threshold is a mean over a 30th of the run, but 100 steps at most, which is SAELens's rate.
TrainConfig with_threshold_rate(TrainConfig config) {
  config.coder.threshold_rate = std::clamp(30.0f / static_cast<float>(config.rate.steps), 0.01f, 1.0f);
  return config;
}

}  // namespace

struct Trainer::Impl {
  Executor& executor;
  const RowSource& data;
  TrainConfig config;
  std::filesystem::path checkpoint;
  RowFeeder feeder;
  std::unique_ptr<CoderStep> coder;
  Array input;
  double scale = 1.0, variance = 1.0;
  double sparsity = 0.0, previous_dense = 0.0;
  L0Controller controller;
  std::int64_t step = 0;
  double last_sparsity = 0.0;
  TrainMetrics last;
  Clock::time_point log_time = Clock::now();
  std::int64_t log_step = 0;

  Impl(Executor& e, const RowSource& source, const TrainConfig& c, const std::filesystem::path& folder)
      : executor(e),
        data(source),
        config(with_threshold_rate(c)),
        checkpoint(folder / "checkpoint" / "state.safetensors"),
        feeder(source, c.seed, c.batch),
        sparsity(c.sparsity),
        controller(c.target_l0, c.rate.steps) {}

  void begin() { make_step(first_weights()); }

  CoderWeights first_weights() {
    auto sample = feeder.first_rows(std::min(kSampleRows, data.rows()));
    if (config.normalize == Normalize::kExpectedAverageOnlyIn) {
      const double length = mean_length(sample, data.dim());
      if (!(length > 0)) throw Error(ErrorCode::kBadInput, "the training data holds nothing but zeros");
      scale = std::sqrt(static_cast<double>(data.dim())) / length;
    }
    for (float& v : sample) v *= static_cast<float>(scale);
    variance = variance_of(sample, data.dim());
    if (!(variance > 0)) throw Error(ErrorCode::kBadInput, "the rows of the training data are all the same");
    const auto rows = static_cast<std::int64_t>(sample.size()) / data.dim();
    CoderWeights weights = initial_weights(config.coder, sample, rows, config.seed);
    const auto some = static_cast<std::size_t>(std::min(rows, kRescaleRows) * data.dim());
    rescale_encoder(executor, config.coder, weights, std::span(sample).first(some));
    if (find_recipe(config.coder.recipe).learns_thresholds)
      begin_thresholds(weights, std::span(sample).first(some));
    return weights;
  }

  void begin_thresholds(CoderWeights& weights, std::span<const float> some) {
    weights.threshold = initial_thresholds(executor, config.coder, weights, some);
    if (config.target_l0 > 0 && sparsity == 0) {
      for (const float t : weights.threshold)
        sparsity += double{t} * t / static_cast<double>(config.coder.latents);
    }
  }

  /// Numbers of the state that a resumed run takes up.
  std::vector<NamedNumber> numbers() {
    auto list = coder->numbers();
    if (find_recipe(config.coder.recipe).penalty != Penalty::kNone) {
      list.push_back({"sparsity", &sparsity});
      list.push_back({"previous_dense", &previous_dense});
      for (NamedNumber& number : controller.numbers()) list.push_back(std::move(number));
    }
    return list;
  }

  /// Weight of the sparsity term in step 1, 2, ...
  double sparsity_at(std::int64_t number) const {
    const double grown = number < config.sparsity_warmup
                             ? static_cast<double>(number) / static_cast<double>(config.sparsity_warmup)
                             : 1.0;
    return sparsity * grown * controller.multiplier();
  }

  void make_step(CoderWeights weights) {
    coder = std::make_unique<CoderStep>(executor, config.coder, std::move(weights), config.batch, variance);
    input = executor.make(config.batch, data.dim());
    feeder.set_scale(scale);
  }

  CheckpointText identity() const {
    CheckpointText text = describe(config);
    text["data"] = data.identity();
    return text;
  }

  StepResult one_step(bool measure) {
    executor.upload(input, feeder.batch(step));
    ++step;
    const AdamStep adam{.rate = static_cast<float>(config.rate.at(step)),
                        .beta1 = config.beta1,
                        .beta2 = config.beta2,
                        .epsilon = config.epsilon,
                        .weight_decay = 0.0f,
                        .step = step};
    last_sparsity = sparsity_at(step);
    const StepResult result =
        coder->run(input, input, adam, config.clip, measure, static_cast<float>(last_sparsity));
    executor.submit();
    if (config.target_l0 > 0 && step >= config.sparsity_warmup) controller.observe(result.l0);
    return result;
  }

  void log(const StepResult& result) {
    const double seconds = std::chrono::duration<double>(Clock::now() - log_time).count();
    const double samples = static_cast<double>((step - log_step) * config.batch);
    log_time = Clock::now();
    log_step = step;
    last = {.step = step,
            .samples = step * config.batch,
            .loss = result.loss / (scale * scale),
            .aux_loss = result.aux_loss / (scale * scale),
            .fvu = result.loss / result.variance,
            .l0 = result.l0,
            .dead_fraction = static_cast<double>(result.dead) / static_cast<double>(config.coder.latents),
            .lr = config.rate.at(step),
            .samples_per_second = seconds > 0 ? samples / seconds : 0,
            .sparsity = last_sparsity,
            .dense = result.dense};
  }

  void save() {
    CheckpointText text = identity();
    text["step"] = std::to_string(step);
    text["input_scale"] = exact(scale);
    text["target_variance"] = exact(variance);
    for (const NamedNumber& number : numbers()) text["state." + number.name] = exact(*number.value);
    write_checkpoint(executor, checkpoint, coder->state(), text);
  }
};

Trainer::Trainer(Executor& executor, const RowSource& data, const TrainConfig& config,
                 std::filesystem::path folder) try {
  validate(config);
  if (data.dim() != config.coder.d_in || data.dim() != config.coder.d_out)
    throw Error(ErrorCode::kInvalidArgument, "the data has " + std::to_string(data.dim()) +
                                                 " dimensions, the coder " +
                                                 std::to_string(config.coder.d_in));
  impl_ = std::make_unique<Impl>(executor, data, config, folder);
} catch (const std::bad_alloc&) {
  throw_out_of_memory("preparing to train");
}

Trainer::~Trainer() = default;

bool Trainer::resume() try {
  Impl& t = *impl_;
  if (!std::filesystem::exists(t.checkpoint)) return false;
  const CheckpointText text = read_checkpoint_text(t.checkpoint);
  expect_same(t.checkpoint, text, t.identity());
  t.scale = exact_value(t.checkpoint, text, "input_scale");
  t.variance = exact_value(t.checkpoint, text, "target_variance");
  const std::int64_t step = exact_integer(t.checkpoint, text, "step");
  if (!(t.scale > 0) || !(t.variance > 0) || step > t.config.rate.steps)
    throw Error(ErrorCode::kBadInput,
                t.checkpoint.string() + ": step, input_scale or target_variance is out of range");

  const auto latents = static_cast<std::size_t>(t.config.coder.latents);
  const auto dim = static_cast<std::size_t>(t.data.dim());
  t.make_step({std::vector<float>(latents * dim), std::vector<float>(latents * dim),
               std::vector<float>(latents), std::vector<float>(dim),
               std::vector<float>(find_recipe(t.config.coder.recipe).learns_thresholds ? latents : 0)});
  read_checkpoint_arrays(t.executor, t.checkpoint, t.coder->state());
  for (const NamedNumber& number : t.numbers())
    *number.value = exact_value(t.checkpoint, text, "state." + number.name);
  t.coder->restored();
  t.step = t.log_step = step;
  return true;
} catch (const std::bad_alloc&) {
  throw_out_of_memory("reading the checkpoint");
}

void Trainer::run(const TrainObserver& observer) try {
  Impl& t = *impl_;
  if (!t.coder) t.begin();
  t.log_time = Clock::now();
  const std::int64_t steps = t.config.rate.steps;
  while (t.step < steps) {
    const std::int64_t next = t.step + 1;
    const bool log = next % t.config.log_every == 0 || next == steps;
    const StepResult result = t.one_step(log);
    if (result.dense != (t.previous_dense != 0)) {
      t.previous_dense = result.dense;
      if (observer.on_codes) observer.on_codes(t.step, result.dense, result.l0);
    }
    if (log) {
      if (!std::isfinite(result.loss))
        throw Error(ErrorCode::kFailed,
                    "the loss is not finite after step " + std::to_string(t.step) +
                        "; the last checkpoint was kept. A smaller --lr or --clip 1 may help");
      t.log(result);
      if (observer.on_log) observer.on_log(t.last);
    }
    if (observer.on_step) observer.on_step(t.step);
    const bool stop = observer.stop_requested && observer.stop_requested();
    const bool due = t.config.checkpoint_every > 0 && t.step % t.config.checkpoint_every == 0;
    if ((stop || due) && observer.before_checkpoint) observer.before_checkpoint();
    if (stop || due) t.save();
    if (stop && t.step < steps)
      throw Error(ErrorCode::kInterrupted, "stopped after step " + std::to_string(t.step) + " of " +
                                               std::to_string(steps) +
                                               "; the same command with --resume goes on");
  }
  t.executor.synchronize();
} catch (const std::bad_alloc&) {
  throw_out_of_memory("training");
}

std::int64_t Trainer::step() const noexcept { return impl_->step; }
void Trainer::save_checkpoint() try { impl_->save(); } catch (const std::bad_alloc&) {
  throw_out_of_memory("writing a checkpoint");
}
double Trainer::input_scale() const noexcept { return impl_->scale; }
const TrainMetrics& Trainer::last_metrics() const noexcept { return impl_->last; }

namespace {
CoderWeights folded(CoderWeights weights, const TrainConfig& config, double scale) {
  if (config.coder.decoder == DecoderConstraint::kNormAware) fold_decoder_norms(weights);
  fold_input_scale(weights, scale);
  return weights;
}
}  // namespace

CoderWeights Trainer::folded_weights() try {
  return folded(impl_->coder->weights(), impl_->config, impl_->scale);
} catch (const std::bad_alloc&) {
  throw_out_of_memory("fetching the weights");
}

CoderWeights Trainer::take_folded_weights() try {
  impl_->input = {};
  return folded(impl_->coder->take_weights(), impl_->config, impl_->scale);
} catch (const std::bad_alloc&) {
  throw_out_of_memory("fetching the weights");
}

}  // namespace polysem
