// polysem report: one page about a coder, to look at in a browser.
#include <cmath>
#include <fstream>
#include <iostream>
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
#include "polysem/latent_directions.hpp"
#include "polysem/latent_report.hpp"
#include "polysem/latent_selection.hpp"
#include "polysem/store.hpp"
#include "polysem/version.h"

namespace polysem::program {

namespace {

using nlohmann::json;

constexpr std::int64_t kNeighbours = 8, kLogits = 10;

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
    p.active_latents = static_cast<double>(coder_.config.k);
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

  std::vector<std::pair<std::int64_t, LatentChoice>> choose() const {
    const auto& records = collector_.records();
    std::vector<std::pair<std::int64_t, LatentChoice>> chosen;
    std::vector<std::int64_t> used;
    const auto add = [&](std::int64_t latent, LatentChoice why) {
      if (std::find(used.begin(), used.end(), latent) != used.end()) return;
      used.push_back(latent);
      chosen.emplace_back(latent, why);
    };
    for (const std::string& word : arguments_.list("latents")) {
      const auto number = parse_number(word);
      if (!number || *number < 0 || *number >= static_cast<double>(coder_.config.latents) ||
          *number != std::floor(*number))
        throw UsageError("option --latents: expected numbers from 0 to " +
                         std::to_string(coder_.config.latents - 1) + ", found '" + word + "'");
      add(static_cast<std::int64_t>(*number), LatentChoice::kRequested);
    }
    const SelectionRule rule{.count = arguments_.integer("interesting", 0, 100000)};
    for (const auto latent :
         choose_latents(records, report_.rows, collector_.label_rows(), coder_.weights.w_dec, rule))
      add(latent, LatentChoice::kInteresting);
    for (const auto latent : random_live_latents(
             records, used, arguments_.integer("random", 0, 100000),
             static_cast<std::uint64_t>(arguments_.integer("seed", 0, std::int64_t{1} << 53))))
      add(latent, LatentChoice::kRandom);
    return chosen;
  }

  void fill_latents() {
    const auto chosen = choose();
    std::vector<std::int64_t> latents;
    for (const auto& [latent, why] : chosen) latents.push_back(latent);
    const ReportNames names{.token = [this](std::int32_t id) { return token_text(id); },
                            .documents = labels_.documents,
                            .document_labels = labels_.of_document};
    const auto& records = collector_.records();
    const auto neighbours =
        nearest_latents(session_.executor(), coder_.weights.w_dec, coder_.config.d_out, latents, kNeighbours);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const auto [latent, why] = chosen[i];
      LatentEntry entry =
          describe_latent(latent, records[static_cast<std::size_t>(latent)], report_.rows, names);
      entry.choice = why;
      entry.interest =
          latent_traits(records[static_cast<std::size_t>(latent)], report_.rows, collector_.label_rows())
              .interest();
      for (const Ranked& other : neighbours[i]) entry.nearest.push_back({other.index, other.value});
      fill_geometry(entry);
      report_.latents.push_back(std::move(entry));
    }
    if (model_ && writes_to_residual_stream()) fill_logits(latents);
  }

  void fill_geometry(LatentEntry& entry) const {
    const auto d_in = static_cast<std::size_t>(coder_.config.d_in),
               d_out = static_cast<std::size_t>(coder_.config.d_out);
    const float* enc = coder_.weights.w_enc.data() + static_cast<std::size_t>(entry.latent) * d_in;
    const float* dec = coder_.weights.w_dec.data() + static_cast<std::size_t>(entry.latent) * d_out;
    double ee = 0, dd = 0, ed = 0;
    for (std::size_t d = 0; d < d_out; ++d) dd += double{dec[d]} * dec[d];
    entry.decoder_norm = std::sqrt(dd);
    if (d_in != d_out) return;
    for (std::size_t d = 0; d < d_in; ++d) ee += double{enc[d]} * enc[d], ed += double{enc[d]} * dec[d];
    if (ee > 0 && dd > 0) entry.encoder_decoder_cosine = ed / std::sqrt(ee * dd);
  }

  /// Whether decoder rows add to what the unembedding reads.
  bool writes_to_residual_stream() const {
    const std::string& site = store_.info().site;
    return site.find("hook_resid") != std::string::npos || site.find("hook_attn_out") != std::string::npos ||
           site.find("hook_mlp_out") != std::string::npos;
  }

  void fill_logits(const std::vector<std::int64_t>& latents) {
    const GgufFile& file = model_->gguf();
    const GgufTensor* output = file.find("output.weight");
    if (output == nullptr) output = file.find("token_embd.weight");
    const GgufTensor* norm = file.find("output_norm.weight");
    if (output == nullptr || norm == nullptr || output->cols() != coder_.config.d_out ||
        norm->cols() != output->cols())
      throw Error(ErrorCode::kBadInput, arguments_.text("model") +
                                            ": its output matrix does not read vectors of " +
                                            std::to_string(coder_.config.d_out) + " dimensions");
    std::vector<float> unembedding(static_cast<std::size_t>(output->rows() * output->cols()));
    file.dequantize(*output, 0, output->rows(), unembedding);
    std::vector<float> weight(static_cast<std::size_t>(norm->cols()));
    file.dequantize(*norm, 0, 1, weight);
    const auto effects = logit_effects(session_.executor(), coder_.weights.w_dec, weight, unembedding,
                                       coder_.config.d_out, latents, kLogits);
    for (std::size_t i = 0; i < latents.size(); ++i) {
      for (const Ranked& r : effects[i].promoted)
        report_.latents[i].promoted.push_back({token_text(static_cast<std::int32_t>(r.index)), r.value});
      for (const Ranked& r : effects[i].suppressed)
        report_.latents[i].suppressed.push_back({token_text(static_cast<std::int32_t>(r.index)), r.value});
    }
  }

  const Arguments& arguments_;
  std::filesystem::path folder_;
  LoadedCoder coder_;
  ActivationStore store_;
  Session session_;
  Labels labels_;
  LatentCollector collector_;
  std::unique_ptr<ModelFile> model_;
  LatentReport report_;
};

int run(const Arguments& arguments) {
  const std::string out = arguments.text("out");
  const LatentReport report = ReportBuilder(arguments).build();
  const std::string page = report_html(report);
  write_file_atomic(out, std::string_view(page));
  std::cout << out << ": " << report.latents.size() << " latents, " << with_commas(std::ssize(page) >> 10)
            << " KiB; open it in a browser\n";
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
