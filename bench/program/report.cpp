// polysem report: one page about a coder, to look at in a browser.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include "bench/program/command.hpp"
#include "bench/program/metrics_log.hpp"
#include "bench/program/model_file.hpp"
#include "bench/program/session.hpp"
#include "bench/program/terminal.hpp"
#include "bench/report/report_html.hpp"
#include "polysem/coder_folder.hpp"
#include "polysem/error.hpp"
#include "polysem/evaluate_coder.hpp"
#include "polysem/file.hpp"
#include "polysem/latent_entries.hpp"
#include "polysem/latent_report.hpp"
#include "polysem/latent_selection.hpp"
#include "polysem/store.hpp"
#include "polysem/version.h"

namespace polysem::program {

namespace {

using nlohmann::json;

/// polysem.json of a coder, or an empty object where another program wrote it.
json read_about(const std::filesystem::path& folder) {
  std::ifstream in(folder / "polysem.json");
  json about = in ? json::parse(in, nullptr, false) : json::object();
  return about.is_object() ? about : json::object();
}

/// A member of a member of some JSON, where it is there and of the right type.
template <class T>
T find_or(const json& root, std::initializer_list<const char*> path, T otherwise) {
  const json* at = &root;
  for (const char* key : path) {
    if (!at->is_object() || !at->contains(key)) return otherwise;
    at = &(*at)[key];
  }
  try {
    return at->get<T>();
  } catch (const json::exception&) {
    return otherwise;
  }
}

/// Labels of the store's documents as numbers.
struct Labels {
  std::vector<std::string> names;
  std::vector<std::string> documents;
  std::vector<std::int32_t> of_document;

  explicit Labels(const ActivationStore& store) {
    std::map<std::string, std::int32_t> known;
    for (const StoreDocument& document : store.documents()) {
      documents.push_back(document.name);
      if (document.label.empty()) {
        of_document.push_back(-1);
        continue;
      }
      const auto [place, inserted] = known.emplace(document.label, static_cast<std::int32_t>(known.size()));
      if (inserted) names.push_back(document.label);
      of_document.push_back(place->second);
    }
  }
};

class ReportBuilder {
 public:
  explicit ReportBuilder(const Arguments& arguments)
      : arguments_(arguments),
        folder_(arguments.only_positional()),
        coder_(load_coder(folder_)),
        store_(arguments.text("data")),
        session_(arguments),
        labels_(store_),
        collector_({.latents = coder_.config.latents}, labels_.of_document, std::ssize(labels_.names)) {
    if (arguments.given("model")) model_ = std::make_unique<ModelFile>(arguments.text("model"));
  }

  LatentReport build() {
    collect();
    const auto& records = collector_.records();
    report_.rows = collector_.rows();
    report_.rows_text = "from " + arguments_.text("data");
    report_.labels = report_labels(labels_.names, collector_.label_rows());
    report_.density = density_histogram(records, report_.rows);
    fill_provenance();
    fill_curve();
    if (arguments_.given("eval")) report_.eval_json = read_file(arguments_.text("eval"), 64 << 20);
    fill_latents();
    return std::move(report_);
  }

 private:
  void collect() {
    const std::int64_t rows = std::min(arguments_.integer("rows", 1, std::int64_t{1} << 50), store_.rows());
    Progress progress("reading: row", rows, arguments_.flag("quiet"));
    encode_rows(session_.executor(), coder_.config, coder_.weights, store_, rows,
                [&](const EncodedRows& batch) {
                  const std::size_t count = batch.row_begin.size() - 1;
                  std::vector<RowLabel> labels(count);
                  store_.read_labels(batch.first, labels);
                  std::vector<std::int32_t> tokens, positions, documents;
                  for (const RowLabel& label : labels) {
                    tokens.push_back(label.token);
                    positions.push_back(std::max(label.position, 0));
                    documents.push_back(label.document);
                  }
                  const std::vector<std::int32_t> offsets(batch.row_begin.begin(), batch.row_begin.end());
                  collector_.add({.tokens = tokens,
                                  .positions = positions,
                                  .documents = documents,
                                  .latents = batch.ids,
                                  .values = batch.values,
                                  .row_offsets = offsets});
                  progress.update(batch.first + static_cast<std::int64_t>(count));
                });
    collector_.finish();
  }

  void fill_provenance() {
    const json about = read_about(folder_);
    const StoreInfo& info = store_.info();
    ReportProvenance& p = report_.provenance;
    p.recipe = coder_.config.recipe;
    p.inputs = coder_.config.d_in;
    p.latents = coder_.config.latents;
    p.active_latents = coder_.config.k > 0
                           ? static_cast<double>(coder_.config.k)
                           : find_or<double>(about, {"k"}, find_or<double>(about, {"target_l0"}, kNotKnown));
    p.model = coder_.provenance.model_name.empty() ? info.model_name : coder_.provenance.model_name;
    p.site = coder_.provenance.hook_name.empty() ? info.site : coder_.provenance.hook_name;
    for (const std::string& source : info.text_sources)
      p.text += (p.text.empty() ? "" : ", ") +
                (source == "debian" ? "prose and manuals out of Debian packages" : source);
    p.training_rows = find_or<std::int64_t>(about, {"data", "rows"}, 0);
    p.dropped_rows = info.dropped_first + info.dropped_massive;
    p.samples = find_or<std::int64_t>(about, {"samples"}, 0);
    p.seed = find_or<std::uint64_t>(about, {"seed"}, 0);
    const std::string backend = find_or<std::string>(about, {"environment", "backend"}, "");
    const std::string driver = find_or<std::string>(about, {"environment", "driver"}, "");
    p.backend = backend + (driver.empty() ? "" : " (" + driver + ")");
    p.precision = find_or<std::string>(about, {"environment", "precision"}, "");
    p.version = polysem_version();
    if (const auto line = find_or<std::string>(about, {"command"}, ""); !line.empty())
      p.commands.push_back(line);
    p.commands.push_back(arguments_.command_line());
  }

  void fill_curve() {
    for (const json& line : read_metrics(folder_ / "metrics.jsonl")) {
      report_.curve.push_back({.samples = find_or(line, {"samples"}, 0.0),
                               .loss = find_or(line, {"loss"}, kNotKnown),
                               .fvu = find_or(line, {"fvu"}, kNotKnown),
                               .dead_fraction = find_or(line, {"dead_fraction"}, kNotKnown),
                               .learning_rate = find_or(line, {"lr"}, kNotKnown)});
    }
  }

  std::string token_text(std::int32_t id) const {
    if (!model_) return id < 0 ? std::string() : "#" + std::to_string(id);
    if (id < 0 || id >= model_->tokenizer().vocabulary()) return {};
    return std::string(model_->tokenizer().bytes(id));
  }

  std::vector<std::int64_t> requested_latents() const {
    std::vector<std::int64_t> latents;
    for (const std::string& word : arguments_.list("latents")) {
      const auto number = parse_number(word);
      if (!number || *number < 0 || *number >= static_cast<double>(coder_.config.latents) ||
          *number != std::floor(*number))
        arguments_.refuse("latents", "expected numbers from 0 to " +
                                         std::to_string(coder_.config.latents - 1) + ", found '" + word +
                                         "'");
      const auto latent = static_cast<std::int64_t>(*number);
      if (std::find(latents.begin(), latents.end(), latent) == latents.end()) latents.push_back(latent);
    }
    return latents;
  }

  void fill_latents() {
    if (model_) read_output_matrix();
    EntrySources sources{.records = collector_.records(),
                         .rows = report_.rows,
                         .label_rows = collector_.label_rows(),
                         .names = {.token = [this](std::int32_t id) { return token_text(id); },
                                   .documents = labels_.documents,
                                   .document_labels = labels_.of_document},
                         .dim = coder_.config.d_out,
                         .decoder = coder_.weights.w_dec};
    if (coder_.config.d_in == coder_.config.d_out) sources.encoder = coder_.weights.w_enc;
    if (model_) sources.vectors = TokenVectors(unembedding_, std::ssize(norm_weight_));
    if (model_ && writes_to_residual_stream()) {
      sources.norm_weight = norm_weight_;
      sources.unembedding = unembedding_;
    }
    std::vector<std::int64_t> used;
    const auto add = [&](std::vector<std::int64_t> latents, LatentChoice choice) {
      std::erase_if(latents, [&](std::int64_t latent) {
        return std::find(used.begin(), used.end(), latent) != used.end();
      });
      used.insert(used.end(), latents.begin(), latents.end());
      auto entries = latent_entries(session_.executor(), sources, latents, choice);
      std::move(entries.begin(), entries.end(), std::back_inserter(report_.latents));
    };
    add(requested_latents(), LatentChoice::kRequested);
    const SelectionRule rule{.count = arguments_.integer("interesting", 0, 100000)};
    add(choose_latents(sources.records, sources.rows, sources.label_rows, sources.decoder, rule,
                       sources.vectors),
        LatentChoice::kInteresting);
    add(random_live_latents(sources.records, used, arguments_.integer("random", 0, 100000),
                            static_cast<std::uint64_t>(arguments_.integer("seed", 0, std::int64_t{1} << 53))),
        LatentChoice::kRandom);
  }

  /// Whether decoder rows add to what the unembedding reads.
  bool writes_to_residual_stream() const {
    const std::string& site = store_.info().site;
    return site.find("hook_resid") != std::string::npos || site.find("hook_attn_out") != std::string::npos ||
           site.find("hook_mlp_out") != std::string::npos;
  }

  void read_output_matrix() {
    const GgufFile& file = model_->gguf();
    const GgufTensor* output = file.find("output.weight");
    if (output == nullptr) output = file.find("token_embd.weight");
    const GgufTensor* norm = file.find("output_norm.weight");
    if (output == nullptr || norm == nullptr || norm->cols() != output->cols() ||
        (writes_to_residual_stream() && output->cols() != coder_.config.d_out))
      throw Error(ErrorCode::kBadInput, arguments_.text("model") +
                                            ": its output matrix does not read vectors of " +
                                            std::to_string(coder_.config.d_out) + " dimensions");
    unembedding_.resize(static_cast<std::size_t>(output->rows() * output->cols()));
    file.dequantize(*output, 0, output->rows(), unembedding_);
    norm_weight_.resize(static_cast<std::size_t>(norm->cols()));
    file.dequantize(*norm, 0, 1, norm_weight_);
  }

  const Arguments& arguments_;
  std::filesystem::path folder_;
  LoadedCoder coder_;
  ActivationStore store_;
  Session session_;
  Labels labels_;
  LatentCollector collector_;
  std::unique_ptr<ModelFile> model_;
  std::vector<float> unembedding_, norm_weight_;
  LatentReport report_;
};

int run(const Arguments& arguments) {
  const std::string out = arguments.text("out");
  require_writable(out);
  const LatentReport report = ReportBuilder(arguments).build();
  const std::string page = report_html(report);
  write_file_atomic(out, std::string_view(page));
  write_json_result(arguments,
                    {{"schema", "polysem.report/1"}, {"path", out}, {"latents", report.latents.size()}});
  std::cout << out << ": " << counted(std::ssize(report.latents), "latent") << ", "
            << with_commas(std::ssize(page) >> 10) << " KiB; open it in a browser\n";
  return kDone;
}

}  // namespace

const Command& report_command() {
  static const Command command = {
      .name = "report",
      .summary = "write one page about a coder, to look at in a browser",
      .positional = "CODER",
      .details =
          "The page needs no network. It shows what was trained on what, how training went, and for the "
          "most\n"
          "interesting latents their strongest contexts, effects on the logits and nearest latents.",
      .example = "polysem report coder --data store --model smollm2 --eval eval.json --out report.html",
      .options =
          {
              {"data", "STORE", "", "activations that contexts come from"},
              {"rows", "N", "1e9", "rows to use, from the first on"},
              {"model", "GGUF", "",
               "language model, for tokens and effects on logits; smollm2 for the one of ci/setup"},
              {"eval", "FILE", "", "result of polysem eval --json, to show its numbers"},
              {"latents", "N,N,...", "", "latents to show in any case", true},
              {"interesting", "N", "200", "most interesting latents to show"},
              {"random", "N", "50", "latents drawn at random, to show what is typical"},
          },
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
