// polysem eval: how well a coder does its job.
#include <iostream>

#include "bench/program/command.hpp"
#include "bench/program/eval_result.hpp"
#include "bench/program/model_file.hpp"
#include "bench/program/session.hpp"
#include "bench/program/terminal.hpp"
#include "polysem/coder_folder.hpp"
#include "polysem/context_stream.hpp"
#include "polysem/error.hpp"
#include "polysem/evaluate_coder.hpp"
#include "polysem/file.hpp"
#include "polysem/metrics_geometry.hpp"
#include "polysem/model_preservation.hpp"
#include "polysem/polytope.hpp"
#include "polysem/store.hpp"
#include "polysem/text.hpp"

namespace polysem::program {

namespace {

constexpr std::int64_t kContextsABatch = 8;
constexpr std::int64_t kMostNamedLatents = 256;  // above, no geometry of the table could come out

/// Contexts of held-out text, cut as in the capture.
std::vector<TokenBatch> contexts_of(const Arguments& arguments, const Tokenizer& tokenizer,
                                    std::int64_t context, std::int64_t tokens) {
  TextReader reader(arguments.list("text"),
                    text_split(arguments.choice("split", {"all", "train", "heldout"})));
  const NextDocument next = [&] { return reader.next(); };
  ContextStream stream(next, tokenizer, context,
                       static_cast<std::uint64_t>(arguments.integer("seed", 0, 1LL << 53)));
  std::vector<TokenBatch> batches;
  for (std::int64_t read = 0; read < tokens;) {
    const auto piece = stream.next();
    if (!piece) break;
    if (batches.empty() || batches.back().sequences() == kContextsABatch) batches.emplace_back();
    batches.back().add(piece->ids);
    read += static_cast<std::int64_t>(piece->ids.size());
  }
  if (batches.empty()) throw Error(ErrorCode::kBadInput, "the text of --text holds no two tokens in a row");
  return batches;
}

PreservationResult score_model(const Arguments& arguments, Session& session, const LoadedCoder& coder,
                               const ActivationStore& store) {
  if (store.info().site.empty())
    throw Error(ErrorCode::kBadInput,
                arguments.text("data") +
                    ": the store does not say at which site it was captured; --model needs that");
  const ModelFile file(arguments.text("model"));
  if (!store.info().model_sha256.empty() && store.info().model_sha256 != file.sha256())
    throw Error(ErrorCode::kBadInput, arguments.text("model") + " is not the model that " +
                                          arguments.text("data") + " was captured from (" +
                                          store.info().model_name + ")");
  LanguageModel model(file.gguf(), session.executor(), session.precision());
  const std::int64_t context = store.info().context > 1 ? store.info().context : 256;
  const auto batches =
      contexts_of(arguments, file.tokenizer(), context, arguments.integer("model-tokens", 2, 1LL << 40));
  PreservationOptions options{.site = Site::parse(store.info().site, model.shape().blocks),
                              .mean = store.stats().mean,
                              .massive_limit = store.info().massive_limit,
                              .keep_first = store.info().dropped_first > 0};
  Progress progress("scoring the model: batch", static_cast<std::int64_t>(batches.size()),
                    arguments.flag("quiet"));
  return model_preservation(model, coder.config, coder.weights, batches, options,
                            [&](std::int64_t done) { progress.update(done); });
}

int run(const Arguments& arguments) {
  const std::filesystem::path folder = arguments.only_positional();
  expect_result_writable(arguments);
  const LoadedCoder coder = load_coder(folder);
  const ActivationStore store(arguments.text("data"));
  Session session(arguments);

  const std::int64_t rows = arguments.integer("rows", 1, std::int64_t{1} << 50);
  EvalResult result;
  {
    Progress progress("evaluating: row", std::min(rows, store.rows()), arguments.flag("quiet"));
    result.evaluation = evaluate_coder(session.executor(), coder.config, coder.weights, store, rows,
                                       [&](std::int64_t done) { progress.update(done); });
  }
  result.geometry = coder_geometry(session.executor(), coder.config, coder.weights);
  if (coder.config.latents <= kMostNamedLatents)
    result.polytope =
        name_polytope({coder.weights.w_dec, coder.config.latents, coder.config.d_out}, {.least_norm = 0})
            .name;
  if (arguments.given("model")) result.preservation = score_model(arguments, session, coder, store);

  std::cout << eval_table(result);
  nlohmann::json json = to_json(result);
  json["coder"] = coder_json(folder, coder);
  json["data"] = data_json(arguments.text("data"), store, std::min(rows, store.rows()));
  json["environment"] = session.environment();
  json["config"] = arguments.effective();
  write_only_result(arguments, json);
  return kDone;
}

}  // namespace

const Command& eval_command() {
  static const Command command = {
      .name = "eval",
      .summary = "measure how well a coder does its job",
      .positional = "CODER",
      .details =
          "Use activations that the coder was not trained on (capture with --split heldout). With --model, "
          "also\n"
          "what replacing the activations by their reconstruction does to the language model's predictions.",
      .example = "polysem eval coder --data heldout --model smollm2 --json eval.json",
      .options =
          {
              {"data", "STORE", "", "activations to measure on"},
              {"rows", "N", "1e9", "rows to use, from the first on"},
              {"model", "GGUF", "",
               "language model for the effect on its loss; smollm2 for the one of ci/setup"},
              {"text", "PATH", "debian", "text for the language model", true},
              {"split", "all|train|heldout", "heldout", "which of its documents"},
              {"model-tokens", "N", "8192", "tokens that the language model reads"},
          },
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
