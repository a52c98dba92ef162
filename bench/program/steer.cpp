// polysem steer: what a language model writes with latents edited, beside what it writes without.
#include <cmath>
#include <iostream>

#include "bench/program/coder_at_site.hpp"
#include "bench/program/command.hpp"
#include "bench/program/edit_list.hpp"
#include "bench/program/session.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/text_columns.hpp"
#include "polysem/context_stream.hpp"
#include "polysem/error.hpp"
#include "polysem/intervention.hpp"
#include "polysem/text.hpp"

namespace polysem::program {

namespace {

using nlohmann::json;

constexpr std::int64_t kContext = 256, kContextsABatch = 4;

std::vector<std::int32_t> prompt_tokens(const Arguments& arguments, const Tokenizer& tokenizer,
                                        std::int64_t context) {
  auto ids = tokenizer.encode(arguments.text("prompt"), Tokenizer::Special::kParse);
  if (ids.empty()) arguments.refuse("prompt", "there is nothing to continue");
  if (tokenizer.adds_begin()) ids.insert(ids.begin(), tokenizer.begin_of_text());
  if (static_cast<std::int64_t>(ids.size()) >= context)
    arguments.refuse("prompt", "it has " + std::to_string(ids.size()) + " tokens, the model reads " +
                                   std::to_string(context) + " at most");
  return ids;
}

GenerateOptions generate_options(const Arguments& arguments) {
  return {.max_tokens = arguments.integer("tokens", 1, 1LL << 31),
          .temperature = static_cast<float>(arguments.number("temperature", 0, 1000)),
          .seed = static_cast<std::uint64_t>(arguments.integer("seed", 0, 1LL << 53))};
}

EditedPositions edited_positions(const Arguments& arguments) {
  const std::string where = arguments.choice("positions", {"all", "prompt", "generated"});
  return where == "prompt"      ? EditedPositions::kPrompt
         : where == "generated" ? EditedPositions::kGenerated
                                : EditedPositions::kAll;
}

/// Text that no edit is meant for.
std::vector<TokenBatch> neutral_text(const Arguments& arguments, const Tokenizer& tokenizer,
                                     std::int64_t context, std::int64_t tokens) {
  const TextSplit split = arguments.given("text") && !arguments.given("split")
                              ? TextSplit::kAll
                              : text_split(arguments.choice("split", {"all", "train", "heldout"}));
  TextReader reader(arguments.list("text"), split);
  const NextDocument next = [&] { return reader.next(); };
  ContextStream stream(next, tokenizer, std::min(kContext, context), 0);
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

class Steering {
 public:
  explicit Steering(const Arguments& arguments)
      : arguments_(arguments),
        options_(generate_options(arguments)),
        positions_(edited_positions(arguments)),
        text_tokens_(arguments.integer("text-tokens", 0, 1LL << 40)),
        session_(arguments),
        at_(arguments, session_.executor(), session_.precision()),
        edits_(parse_edits(arguments.list("edit"), at_.coder())),
        intervention_(at_.coder(), at_.site(), edits_) {
    for (const polysem_edit& edit : edits_) latents_.push_back(edit.latent);
  }

  int run() {
    const Tokenizer& tokenizer = at_.file().tokenizer();
    const auto prompt = prompt_tokens(arguments_, tokenizer, at_.model().shape().context);
    if (!at_.note().empty() && !arguments_.flag("quiet"))
      std::cerr << "note: " << one_line(at_.note()) << "\n";
    std::vector<TokenBatch> text;
    std::vector<LatentUse> uses;
    if (text_tokens_ > 0) {
      text = neutral_text(arguments_, tokenizer, at_.model().shape().context, text_tokens_);
      uses = latent_use(at_.model(), at_.coder(), at_.site(), latents_, text);
    }
    std::cout << at_.file().name() << ", edited at " << at_.site().name() << "\n" << edit_table(uses) << "\n";

    const auto without = continuation(prompt, false), with = continuation(prompt, true);
    std::cout << "prompt: " << printable(arguments_.text("prompt")) << "\n\n"
              << side_by_side("without the edits", printable(tokenizer.decode(without)), "with the edits",
                              printable(tokenizer.decode(with)), terminal_columns())
              << std::flush;
    json result = {{"schema", "polysem.steer/1"},
                   {"model", at_.file().name()},
                   {"coder", arguments_.text("coder")},
                   {"site", at_.site().name()},
                   {"prompt", arguments_.text("prompt")},
                   {"edits", edits_json(uses)},
                   {"without", {{"text", tokenizer.decode(without)}, {"tokens", without}}},
                   {"with", {{"text", tokenizer.decode(with)}, {"tokens", with}}},
                   {"effect", nullptr}};
    if (text_tokens_ > 0) result["effect"] = report_effect(text);
    result["skipped_tokens"] = intervention_.skipped();
    if (intervention_.skipped() > 0)
      std::cout << counted(static_cast<std::int64_t>(intervention_.skipped()), "token")
                << " left as they were: the edits are too large for them to stay finite\n";
    result["environment"] = session_.environment();
    write_only_result(arguments_, result);
    return kDone;
  }

 private:
  std::vector<std::int32_t> continuation(const std::vector<std::int32_t>& prompt, bool edited) {
    GenerateOptions options = options_;
    options.stop = at_.file().tokenizer().end_of_text();
    const Hook hook = intervention_.while_generating(positions_);
    Progress progress(edited ? "writing with the edits: token" : "writing without the edits: token",
                      options.max_tokens, arguments_.flag("quiet"));
    std::int64_t written = 0;
    try {
      return generate(at_.model(), prompt, options, std::span(&hook, edited ? 1 : 0), [&](std::int32_t) {
        progress.update(++written);
        return true;
      });
    } catch (const Error& error) {
      if (!edited || error.code() != ErrorCode::kFailed) throw;
      throw Error(ErrorCode::kFailed, std::string(error.what()) + ": the edits are too large for this model");
    }
  }

  std::string label(std::uint32_t latent) const {
    const std::string text = at_.coder().latent_name(latent);
    return std::to_string(at_.coder().source_latent(latent)) + (text.empty() ? "" : " " + one_line(text));
  }

  std::string edit_table(const std::vector<LatentUse>& uses) const {
    std::vector<std::vector<std::string>> rows = {{"  latent", "edit"}};
    if (!uses.empty()) rows[0].insert(rows[0].end(), {"active on", "mean there", "largest"});
    for (std::size_t i = 0; i < edits_.size(); ++i) {
      rows.push_back({"  " + label(edits_[i].latent), describe(edits_[i])});
      if (uses.empty()) continue;
      const double tokens = static_cast<double>(std::max<std::int64_t>(uses[i].tokens, 1));
      rows.back().insert(rows.back().end(),
                         {significant(100 * static_cast<double>(uses[i].active) / tokens, 3) + "%",
                          uses[i].active > 0 ? significant(uses[i].mean, 3) : "-",
                          uses[i].active > 0 ? significant(uses[i].largest, 3) : "-"});
    }
    return table(rows);
  }

  json edits_json(const std::vector<LatentUse>& uses) const {
    json list = json::array();
    for (std::size_t i = 0; i < edits_.size(); ++i) {
      const polysem_edit& edit = edits_[i];
      list.push_back({{"latent", at_.coder().source_latent(edit.latent)},
                      {"name", at_.coder().latent_name(edit.latent)},
                      {"kind", name(static_cast<polysem_edit_kind>(edit.kind))},
                      {"value", edit.kind == POLYSEM_ABLATE ? json() : json(edit.value)}});
      if (!uses.empty())
        list.back()["use"] = {{"tokens", uses[i].tokens},
                              {"active", uses[i].active},
                              {"mean", uses[i].mean},
                              {"largest", uses[i].largest}};
    }
    return list;
  }

  json report_effect(const std::vector<TokenBatch>& text) {
    InterventionEffect effect;
    {
      Progress progress("reading neutral text: batch", static_cast<std::int64_t>(text.size()),
                        arguments_.flag("quiet"));
      effect = intervention_effect(at_.model(), intervention_, text,
                                   [&](std::int64_t done) { progress.update(done); });
    }
    const double difference = effect.loss_with - effect.loss_without;
    std::cout << "\nnext-token loss on " << counted(effect.tokens, "token") << " of neutral text:\n  "
              << significant(effect.loss_without) << " without, " << significant(effect.loss_with)
              << " with the edits (" << (difference < 0 ? "" : "+") << significant(difference, 3) << "), KL "
              << significant(effect.kl_divergence, 3) << "\n";
    if (effect.not_finite > 0)
      std::cout << counted(effect.not_finite, "prediction")
                << " not finite with the edits, left out of that: the edits are too large for this model\n";
    const auto number = [](double value) { return std::isfinite(value) ? json(value) : json(); };
    return {{"tokens", effect.tokens},
            {"loss_without", number(effect.loss_without)},
            {"loss_with", number(effect.loss_with)},
            {"kl_divergence", number(effect.kl_divergence)},
            {"not_finite", effect.not_finite}};
  }

  const Arguments& arguments_;
  GenerateOptions options_;
  EditedPositions positions_;
  std::int64_t text_tokens_;
  Session session_;
  CoderAtSite at_;
  std::vector<polysem_edit> edits_;
  std::vector<std::uint32_t> latents_;
  Intervention intervention_;
};

int run(const Arguments& arguments) {
  if (!arguments.positional().empty())
    throw UsageError("polysem steer takes no argument; found '" + arguments.positional()[0] + "'");
  if (arguments.list("edit").empty()) arguments.refuse("edit", "is needed; see 'polysem help steer'");
  arguments.text("prompt");
  expect_result_writable(arguments);
  return Steering(arguments).run();
}

}  // namespace

const Command& steer_command() {
  static const Command command = {
      .name = "steer",
      .summary = "generate text while latents are set, scaled, added to or ablated",
      .positional = "",
      .details =
          "--edit takes edits of latents' activations: 77=+8 adds, 77=-8 takes off, 77=8 sets, 77=*2 scales, "
          "77<=8 caps, 77>=8 floors, 77=0 ablates. Quote them: a shell takes < and > for its own. What is "
          "changed is the part of the activations that the latent stands for; what the coder does not "
          "explain "
          "stays. The first token of a text is never edited. The table says how the latents fire on neutral "
          "text, which tells what is a large value; the last line what the edits cost on it.",
      .example = "polysem steer --model smollm2 --coder coder --prompt 'Once upon a time' --edit '77=+8,5=0'",
      .options =
          {
              {"model", "GGUF", "smollm2", "language model; smollm2 for the one of ci/setup"},
              {"coder", "CODER", "", "coder's folder or .polysem file"},
              {"prompt", "TEXT", "", "text to continue; names of control tokens are those tokens"},
              {"edit", "EDIT,...", "", "what to change", true},
              {"tokens", "N", "64", "tokens to write at most"},
              {"temperature", "T", "0", "0 takes the likeliest token"},
              {"site", "NAME", "", "where to edit (default: where the coder was trained)"},
              {"positions", "all|prompt|generated", "all", "tokens that are edited"},
              {"text", "PATH", "debian", "neutral text", true},
              {"split", "all|train|heldout", "heldout",
               "which of its documents; all of a --text of your own"},
              {"text-tokens", "N", "2048", "tokens of neutral text to read; 0 for none"},
          },
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
