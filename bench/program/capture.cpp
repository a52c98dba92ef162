// polysem capture: activations of a language model over text.
#include "polysem/capture.hpp"

#include <algorithm>
#include <iostream>
#include <memory>

#include "bench/program/command.hpp"
#include "bench/program/model_file.hpp"
#include "bench/program/session.hpp"
#include "bench/program/terminal.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"
#include "polysem/text.hpp"

namespace polysem::program {

namespace {

std::vector<std::string> text_paths(const Arguments& arguments) {
  auto paths = arguments.positional();
  if (paths.empty() || arguments.given("text"))
    for (const std::string& path : arguments.list("text")) paths.push_back(path);
  return paths;
}

DType dtype_of(const std::string& word) {
  return word == "f16" ? DType::kF16 : word == "bf16" ? DType::kBF16 : DType::kF32;
}

int run(const Arguments& arguments) {
  const std::filesystem::path out = arguments.text("out");
  const auto paths = text_paths(arguments);
  const TextSplit split = text_split(arguments.choice("split", {"all", "train", "heldout"}));
  Session session(arguments);
  const ModelFile file(arguments.text("model"));
  LanguageModel model(file.gguf(), session.executor(), session.precision());

  CaptureOptions options;
  for (const std::string& name : arguments.list("site")) {
    const Site site = Site::parse(name, model.shape().blocks);
    if (std::find(options.sites.begin(), options.sites.end(), site) != options.sites.end())
      arguments.refuse("site", name + " is given twice");
    options.sites.push_back(site);
  }
  options.tokens = arguments.integer("tokens", 1, std::int64_t{1} << 50);
  options.context = arguments.integer("context", 2, model.shape().context);
  options.batch = arguments.integer("batch", 1, 65536);
  options.seed = static_cast<std::uint64_t>(arguments.integer("seed", 0, std::int64_t{1} << 53));
  options.keep_first = arguments.flag("keep-first");
  options.keep_massive = arguments.flag("keep-massive");

  nlohmann::json recipe = arguments.effective();
  for (const char* option : {"threads", "quiet", "out"}) recipe["options"].erase(option);
  std::vector<StoreInfo> info;
  std::vector<std::unique_ptr<StoreWriter>> writers;
  std::vector<StoreWriter*> writer_list;
  std::vector<std::filesystem::path> folders;
  for (const Site& site : options.sites) {
    folders.push_back(options.sites.size() == 1 ? out : out / site.name());
    info.push_back({.dim = model.width(site),
                    .dtype = dtype_of(arguments.choice("dtype", {"f32", "f16", "bf16"})),
                    .site = site.name(),
                    .model_name = file.name(),
                    .model_sha256 = file.sha256(),
                    .text_sources = paths,
                    .text_sha256 = "",
                    .context = options.context,
                    .dropped_first = 0,
                    .dropped_massive = 0,
                    .massive_limit = 0,
                    .recipe = to_text(recipe)});
    writers.push_back(std::make_unique<StoreWriter>(folders.back(), info.back()));
    writer_list.push_back(writers.back().get());
  }

  catch_interrupts();
  TextReader reader(paths, split);
  Progress progress("capturing: token", options.tokens, arguments.flag("quiet"));
  progress.note(file.name() + ", " + session.summary());
  const auto result = capture(
      model, file.tokenizer(), [&] { return reader.next(); }, options, writer_list, info,
      [&](std::int64_t tokens) {
        progress.update(tokens);
        return !stop_requested();
      });
  const double seconds = progress.seconds();
  const std::string text_sha256 = reader.sha256();

  nlohmann::json stores = nlohmann::json::array();
  for (std::size_t s = 0; s < writers.size(); ++s) {
    StoreInfo done = result.info[s];
    done.text_sha256 = text_sha256;
    writers[s]->finish(done, result.documents);
    std::cout << folders[s].string() << ": " << counted(writers[s]->rows(), "row") << " of "
              << counted(done.dim, "dimension") << " at " << done.site << " from "
              << counted(static_cast<std::int64_t>(result.documents.size()), "document")
              << "\n  dropped: " << with_commas(done.dropped_first) << " at position 0"
              << (options.keep_massive ? ""
                                       : ", " + with_commas(done.dropped_massive) + " massive (longer than " +
                                             significant(done.massive_limit) + ")")
              << "\n";
    stores.push_back({{"path", folders[s].string()},
                      {"site", done.site},
                      {"rows", writers[s]->rows()},
                      {"dim", done.dim},
                      {"dropped_first", done.dropped_first},
                      {"dropped_massive", done.dropped_massive},
                      {"massive_limit", done.massive_limit}});
  }
  if (result.tokens < options.tokens)
    std::cout << "the text ended after " << with_commas(result.tokens) << " of "
              << counted(options.tokens, "token") << "\n";
  write_json_result(arguments, {{"schema", "polysem.capture/1"},
                                {"environment", session.environment()},
                                {"tokens", result.tokens},
                                {"seconds", seconds},
                                {"stores", stores}});
  return kDone;
}

}  // namespace

const Command& capture_command() {
  static const Command command = {
      .name = "capture",
      .summary = "run a language model over text and store its activations",
      .positional = "[TEXT...]",
      .details =
          "Several sites are stored in one pass, each in a folder of its own. Rows at position 0 and rows "
          "longer than\n"
          "3 times the median row (massive activations) are left out and counted: a handful of them would "
          "rule every\n"
          "mean and variance. A capture that was stopped goes on when the same command is given again.",
      .example =
          "polysem capture --model smollm2 --text debian --site blocks.14.hook_resid_post --tokens 100k "
          "--out store",
      .options =
          {
              {"model", "GGUF", "smollm2",
               "llama-architecture GGUF file, or smollm2 for the one that ci/setup fetches"},
              {"text", "PATH", "debian",
               "debian (fetched by ci/setup), files, folders, .jsonl, or - for standard input", true},
              {"split", "all|train|heldout", "all", "which documents: all, all but a tenth, or that tenth"},
              {"site", "NAME", "blocks.14.hook_resid_post", "where to read, in TransformerLens's names",
               true},
              {"tokens", "N", "100000", "tokens to read"},
              {"context", "N", "256", "tokens a context"},
              {"batch", "N", "16", "contexts that run side by side"},
              {"dtype", "f32|f16|bf16", "f32", "how rows are stored"},
              {"keep-first", "", "", "keep rows at position 0"},
              {"keep-massive", "", "", "keep massive rows"},
          },
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
