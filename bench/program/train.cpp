// polysem train: a sparse coder on a store of activations.
#include <iostream>
#include <optional>

#include "bench/program/command.hpp"
#include "bench/program/metrics_log.hpp"
#include "bench/program/recipe_options.hpp"
#include "bench/program/session.hpp"
#include "bench/program/tensorboard_log.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/train_options.hpp"
#include "polysem/coder_folder.hpp"
#include "polysem/error.hpp"
#include "polysem/evaluate_coder.hpp"
#include "polysem/file.hpp"
#include "polysem/recipe.hpp"
#include "polysem/store.hpp"
#include "polysem/trainer.hpp"
#include "polysem/training_watch.hpp"

namespace polysem::program {

namespace {

constexpr std::int64_t kEvalRows = 16384;

int list_recipes(const Arguments& arguments) {
  nlohmann::json list = nlohmann::json::array();
  for (const Recipe* recipe : recipes()) {
    std::cout << recipe->name << ": " << recipe->summary << "\n  source: " << recipe->source
              << "\n  SAELens loads it as: " << recipe->architecture << "\n";
    nlohmann::json parameters = nlohmann::json::array();
    for (const RecipeParameter& p : recipe->parameters) {
      std::cout << "  --" << p.option << " [" << significant(p.value) << "]  " << p.help << "\n";
      parameters.push_back({{"option", p.option}, {"default", p.value}, {"help", p.help}});
    }
    list.push_back({{"name", recipe->name},
                    {"summary", recipe->summary},
                    {"source", recipe->source},
                    {"architecture", recipe->architecture},
                    {"parameters", parameters}});
  }
  write_json_result(arguments, {{"schema", "polysem.recipes/1"}, {"recipes", list}});
  return kDone;
}

/// What training holds at the same time at least: weights and two moments, and a batch with its
/// reconstruction. Beyond the memory of the machine it would run for a while and then be killed by the system
/// without a word.
void require_memory(const TrainConfig& config, const BackendInfo& device) {
  const auto latents = static_cast<double>(config.coder.latents),
             dim = static_cast<double>(config.coder.d_in);
  const double parameters = 2 * latents * dim + latents + dim;
  const double bytes = sizeof(float) * (3 * parameters + 2 * static_cast<double>(config.batch) * dim);
  const auto memory = static_cast<double>(device.memory_bytes);
  if (memory == 0 || bytes <= memory) return;
  throw Error(ErrorCode::kOutOfMemory, "training " + counted(config.coder.latents, "latent") + " on " +
                                           counted(config.coder.d_in, "dimension") + " with " +
                                           counted(config.batch, "row") + " a step needs more than " +
                                           significant(bytes / 1e9, 3) + " GB, and " + device.device +
                                           " has " + significant(memory / 1e9, 3) + " GB");
}

class Run {
 public:
  explicit Run(const Arguments& arguments)
      : arguments_(arguments),
        out_(arguments.text("out")),
        store_(arguments.text("data")),
        session_(arguments),
        config_(train_config(arguments, store_.dim(), session_.precision())),
        recipe_(find_recipe(config_.coder.recipe)),
        trainer_(session_.executor(), store_, config_, out_),
        watch_(config_),
        quiet_(arguments.flag("quiet")) {
    require_memory(config_, session_.executor().backend().info());
    open_held_out();
  }

  int run() {
    prepare_folder();
    catch_interrupts();
    Progress progress("training: step", config_.rate.steps, quiet_);
    progress.note(counted(store_.rows(), "row") + " of " + counted(store_.dim(), "dimension") + "; " +
                  counted(config_.coder.latents, "latent") + ", " + sparsity_text() + "; " +
                  session_.summary());
    if (const std::string text = batch_warning(); !text.empty()) progress.note("warning: " + text);
    MetricsLog log(out_ / "metrics.jsonl", trainer_.step());
    for (const nlohmann::json& line : read_metrics(log.path())) watch_.look(train_metrics(line));
    std::optional<TensorBoardLog> tensorboard;
    if (arguments_.flag("tensorboard")) tensorboard.emplace(out_, trainer_.step());
    std::string details;
    trainer_.run({.on_log =
                      [&](const TrainMetrics& m) {
                        details = "fvu " + significant(m.fvu, 3) + ", dead " +
                                  significant(100 * m.dead_fraction, 2) + " %, " +
                                  with_commas(std::llround(m.samples_per_second)) + " rows/s";
                        log.append(line_for(m));
                        if (tensorboard) tensorboard->append(log.last());
                        for (const TrainingWarning& w : watch_.look(m))
                          progress.note("warning: " + w.message);
                      },
                  .on_step = [&](std::int64_t step) { progress.update(step, details); },
                  .stop_requested = stop_requested,
                  .before_checkpoint =
                      [&] {
                        log.flush();
                        if (tensorboard) tensorboard->flush();
                      },
                  .on_codes =
                      [&](std::int64_t step, bool dense, double l0) {
                        progress.note("step " + with_commas(step) + ": " + significant(l0, 3) +
                                      " active latents a row; codes are " + (dense ? "dense" : "sparse") +
                                      " from here on");
                      }});
    log.flush();
    seconds_ = progress.seconds();
    metrics_ = log.last();
    save();
    return kDone;
  }

 private:
  void prepare_folder() {
    const bool begun = std::filesystem::exists(out_ / "checkpoint");
    const bool resume = arguments_.flag("resume");
    if (!resume && (begun || std::filesystem::exists(out_ / "cfg.json")))
      throw UsageError(
          "--out " + out_.string() +
          " holds a coder or an unfinished run; --resume goes on with it, or choose another folder");
    std::error_code error;
    std::filesystem::create_directories(out_, error);
    if (error)
      throw Error(ErrorCode::kFailed,
                  "--out: cannot make the folder " + out_.string() + ": " + error.message());
    if (resume && trainer_.resume() && !quiet_)
      std::cerr << "going on after step " << with_commas(trainer_.step()) << "\n";
  }

  void open_held_out() {
    eval_every_ = arguments_.integer("eval-every", 0, std::int64_t{1} << 40);
    if (eval_every_ == 0) return;
    held_out_.emplace(arguments_.text("eval-data"));
    if (held_out_->dim() != store_.dim())
      throw Error(ErrorCode::kBadInput, "--eval-data " + arguments_.text("eval-data") + " has " +
                                            std::to_string(held_out_->dim()) + " dimensions, --data has " +
                                            std::to_string(store_.dim()));
  }

  /// At the first line at or after every multiple of --eval-every and at the last: by the step alone, so that
  /// a run that was taken up again measures where it would have measured.
  bool due_for_measurement(std::int64_t step) const {
    if (!held_out_) return false;
    const std::int64_t previous_line = (step - 1) / config_.log_every * config_.log_every;
    return step == config_.rate.steps || step / eval_every_ > previous_line / eval_every_;
  }

  std::string sparsity_text() const {
    if (recipe_.parameter("k")) return "k " + std::to_string(config_.coder.k);
    if (config_.target_l0 > 0) return "target L0 " + significant(config_.target_l0);
    return std::string(coefficient_option(recipe_)) + " " + significant(config_.sparsity);
  }

  nlohmann::json line_for(const TrainMetrics& m) {
    nlohmann::json line = to_json(m);
    if (!due_for_measurement(m.step)) return line;
    const auto found = evaluate_coder(session_.executor(), folded_config(), trainer_.folded_weights(),
                                      *held_out_, kEvalRows);
    line["eval_fvu"] = found.reconstruction.fvu;
    line["eval_dead_fraction"] = found.sparsity.dead_fraction;
    line["eval_rows"] = found.reconstruction.rows;
    return line;
  }

  /// The trained coder as it is saved: norms are folded, so selection needs none.
  CoderConfig folded_config() const {
    CoderConfig config = config_.coder;
    if (config.decoder == DecoderConstraint::kNormAware) config.decoder = DecoderConstraint::kUnitNorm;
    config.precision = Precision::kF32;
    return config;
  }

  /// Empty where a batch is no larger than the data. Not refused: the default would be too large for small
  /// data.
  std::string batch_warning() const {
    if (config_.batch <= store_.rows()) return {};
    return "--batch " + with_commas(config_.batch) + " is more than the " + counted(store_.rows(), "row") +
           " of the data: every step sees rows several times; try --batch " + std::to_string(store_.rows()) +
           " or less, which makes steps faster";
  }

  nlohmann::json warnings() const {
    nlohmann::json list = nlohmann::json::array();
    if (const std::string text = batch_warning(); !text.empty())
      list.push_back({{"kind", "batch_above_rows"}, {"step", 0}, {"message", text}});
    for (const TrainingWarning& w : watch_.warnings())
      list.push_back({{"kind", w.kind}, {"step", w.step}, {"message", w.message}});
    return list;
  }

  void save() {
    const std::int64_t samples = config_.rate.steps * config_.batch;
    CoderProvenance provenance;
    provenance.model_name = store_.info().model_name;
    provenance.hook_name = store_.info().site;
    provenance.context_size = store_.info().context;
    for (const std::string& source : store_.info().text_sources)
      provenance.dataset += (provenance.dataset.empty() ? "" : ",") + source;
    const nlohmann::json about = {
        {"schema", "polysem.coder/1"},
        {"recipe", config_.coder.recipe},
        {"d_in", config_.coder.d_in},
        {"d_out", config_.coder.d_out},
        {"latents", config_.coder.latents},
        {"k", recipe_.parameter("k") ? nlohmann::json(config_.coder.k) : nullptr},
        {"target_l0", config_.target_l0 > 0 ? nlohmann::json(config_.target_l0) : nullptr},
        {"seed", config_.seed},
        {"samples", samples},
        {"input_scale", trainer_.input_scale()},
        {"config", effective_options(arguments_, recipe_, config_.target_l0)},
        {"command", arguments_.command_line()},
        {"data",
         {{"path", arguments_.text("data")},
          {"identity", store_.identity()},
          {"rows", store_.rows()},
          {"site", store_.info().site},
          {"model", store_.info().model_name},
          {"model_sha256", store_.info().model_sha256},
          {"text_sha256", store_.info().text_sha256},
          {"massive_limit", store_.info().massive_limit}}},
        {"environment", session_.environment()},
        {"training_seconds", seconds_},
        {"warnings", warnings()},
        {"metrics", metrics_}};
    trainer_.save_checkpoint();
    save_coder(out_, folded_config(), trainer_.take_folded_weights(), provenance);
    write_file_atomic(out_ / "polysem.json", std::string_view(to_text(about, 2) + "\n"));
    const auto share = [&](const char* key, double unit) {
      return metrics_.contains(key) && metrics_[key].is_number()
                 ? significant(unit * metrics_[key].get<double>(), 4)
                 : std::string("n/a");
    };
    std::cout << "trained " << counted(config_.coder.latents, "latent") << " on " << counted(samples, "row")
              << " in " << duration(seconds_) << ": fvu " << share("fvu", 1) << " on the last batch, "
              << share("dead_fraction", 100) << " % dead\nwrote " << out_.string() << "\n";
    write_json_result(arguments_, about);
  }

  const Arguments& arguments_;
  std::filesystem::path out_;
  ActivationStore store_;
  Session session_;
  TrainConfig config_;
  const Recipe& recipe_;
  Trainer trainer_;
  TrainingWatch watch_;
  bool quiet_;
  double seconds_ = 0;
  std::int64_t eval_every_ = 0;
  std::optional<ActivationStore> held_out_;
  nlohmann::json metrics_;  ///< the last line of the log
};

int run(const Arguments& arguments) {
  if (arguments.flag("list-recipes")) return list_recipes(arguments);
  if (!arguments.positional().empty())
    throw UsageError("polysem train takes no arguments; the store goes to --data");
  return Run(arguments).run();
}

}  // namespace

const Command& train_command() {
  static const Command command = {
      .name = "train",
      .summary = "train a sparse coder on a store of activations",
      .positional = "",
      .details =
          "Writes a folder that SAELens loads as it is (cfg.json, sae_weights.safetensors), with "
          "polysem.json,\n"
          "metrics.jsonl and checkpoint/ beside them. The same options and seed give the same bits for any "
          "number\n"
          "of threads. Ctrl-C saves a checkpoint; the same command with --resume goes on.",
      .example = "polysem train --data store --latents 8192 --k 32 --out coder",
      .options = train_options(),
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
