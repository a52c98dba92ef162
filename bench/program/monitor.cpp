// polysem monitor: watches latents while text passes through a language model.
#include <algorithm>
#include <iostream>
#include <utility>

#include "bench/program/coder_at_site.hpp"
#include "bench/program/command.hpp"
#include "bench/program/session.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/text_columns.hpp"
#include "bench/program/watch_rules.hpp"
#include "polysem/capture.hpp"
#include "polysem/error.hpp"
#include "polysem/text.hpp"

namespace polysem::program {

namespace {

using nlohmann::json;

constexpr std::size_t kMostNameColumns = 24, kContextTokens = 24;
constexpr polysem_subject kSubjects[] = {POLYSEM_WATCH, POLYSEM_RULE, POLYSEM_PROBE};

constexpr std::int64_t kContext = 256;

/// --context, else 256 or what the model reads at most.
std::int64_t context_of(const Arguments& arguments, std::int64_t most) {
  return arguments.given("context") ? arguments.integer("context", 2, most) : std::min(kContext, most);
}

/// A piece of a document that passes through the model at once.
struct Piece {
  std::vector<std::int32_t> ids;
  std::int64_t first = 0;  ///< of the document's tokens
};

class Monitor {
 public:
  explicit Monitor(const Arguments& arguments)
      : arguments_(arguments),
        session_(arguments),
        at_(arguments, session_.executor(), session_.precision()),
        rules_(arguments.text("watch"), at_.coder()),
        state_(at_.coder(), rules_.config()),
        context_(context_of(arguments, at_.model().shape().context)),
        left_(arguments.given("tokens") ? arguments.integer("tokens", 1, 1LL << 50) : 1LL << 62),
        columns_(terminal_columns()),
        colour_(shows_colour()),
        keeps_hits_(arguments.given("json") || arguments.given("out")) {
    for (const polysem_subject subject : kSubjects) {
      totals_[subject].resize(rules_.count(subject));
      for (std::size_t i = 0; i < rules_.count(subject); ++i)
        name_columns_ = std::max(name_columns_, width_of(one_line(rules_.name(subject, i))));
    }
    name_columns_ = std::min(name_columns_, kMostNameColumns);
  }

  int run() {
    TextReader reader(arguments_.list("text"),
                      text_split(arguments_.choice("split", {"all", "train", "heldout"})));
    if (!at_.note().empty() && !arguments_.flag("quiet"))
      std::cerr << "note: " << one_line(at_.note()) << "\n";
    catch_interrupts();
    while (left_ > 0 && !stop_requested()) {
      const auto document = reader.next();
      if (!document) break;
      read(*document);
    }
    print_summary();
    if (keeps_hits_) write_result();
    return stop_requested() ? kInterrupted : kDone;
  }

 private:
  void read(const TextDocument& document) {
    const Tokenizer& tokenizer = at_.file().tokenizer();
    auto ids = tokenizer.encode(document.text);
    if (tokenizer.adds_begin()) ids.insert(ids.begin(), tokenizer.begin_of_text());
    document_ = document.name;
    named_ = false;
    for (std::size_t first = 0; first < ids.size() && left_ > 0 && !stop_requested();) {
      const auto length =
          std::min({ids.size() - first, static_cast<std::size_t>(context_), static_cast<std::size_t>(left_)});
      const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(first);
      look({{begin, begin + static_cast<std::ptrdiff_t>(length)}, static_cast<std::int64_t>(first)});
      first += length;
      left_ -= static_cast<std::int64_t>(length);
      tokens_ += static_cast<std::int64_t>(length);
    }
    end_stream();
  }

  /// The first token of a context is passed over: models park attention there, and coders are trained
  /// without.
  void look(const Piece& piece) {
    TokenBatch batch;
    batch.add(piece.ids);
    const Hook hook{at_.site(), [&](Executor& executor, const Tensor& activations) {
                      if (activations.rows < 2) return;
                      const auto rows = activations.row_range(1, activations.rows - 1);
                      observe(piece, executor.download_f32(rows));
                    }};
    at_.model().run(batch, std::span(&hook, 1));
    std::cout.flush();
  }

  void observe(const Piece& piece, const std::vector<float>& x) {
    const std::size_t width = at_.coder().get().d_in, rows = x.size() / width;
    const double limit = massive_limit(x, static_cast<std::int64_t>(width));
    const auto lengths = row_lengths(x, static_cast<std::int64_t>(width));
    hits_.resize(rules_.count(POLYSEM_WATCH) + rules_.count(POLYSEM_RULE) + rules_.count(POLYSEM_PROBE));
    for (std::size_t r = 0; r < rows; ++r) {
      if (lengths[r] > limit) {
        ++massive_;
        continue;
      }
      std::size_t count = 0;
      const polysem_status status = polysem_observe(state_.get(), polysem_one(x.data() + r * width, width),
                                                    hits_.data(), hits_.size(), &count);
      if (status != POLYSEM_OK && status != POLYSEM_NON_FINITE)
        throw Error(ErrorCode::kFailed, std::string("polysem::core: ") + polysem_status_text(status));
      for (std::size_t i = 0; i < std::min(count, hits_.size()); ++i) report(piece, r + 1, hits_[i]);
    }
  }

  void report(const Piece& piece, std::size_t at, const polysem_hit& hit) {
    const Tokenizer& tokenizer = at_.file().tokenizer();
    const auto subject = static_cast<polysem_subject>(hit.subject);
    const std::string& name = rules_.name(subject, hit.index);
    const std::span<const std::int32_t> ids(piece.ids);
    const std::size_t begin = at - std::min(at, kContextTokens),
                      end = std::min(ids.size(), at + 1 + kContextTokens);
    const std::string before = tokenizer.decode(ids.subspan(begin, at - begin)),
                      token = tokenizer.decode(ids.subspan(at, 1)),
                      after = tokenizer.decode(ids.subspan(at + 1, end - at - 1));
    const std::int64_t position = piece.first + static_cast<std::int64_t>(at);
    print_hit(position, name, hit.value, one_line(before), one_line(token), one_line(after));
    if (!keeps_hits_) return;
    json entry = {{"document", document_},
                  {"position", position},
                  {"kind", program::name(subject)},
                  {"name", name},
                  {"value", hit.value},
                  {"token", printable(token)},
                  {"before", printable(before)},
                  {"after", printable(after)}};
    if (subject == POLYSEM_WATCH)
      entry["latent"] = at_.coder().source_latent(rules_.watches()[hit.index].latent);
    all_hits_.push_back(std::move(entry));
  }

  void print_hit(std::int64_t position, const std::string& name, float value, const std::string& before,
                 const std::string& token, const std::string& after) {
    if (!std::exchange(named_, true)) std::cout << left_part(one_line(document_), columns_) << "\n";
    const std::string where = std::to_string(position), number = significant(value, 3);
    const std::string label(left_part(one_line(name), name_columns_));
    std::string line = "  " + std::string(7 - std::min<std::size_t>(7, where.size()), ' ') + where + "  " +
                       label + std::string(name_columns_ - width_of(label), ' ') + "  " + number +
                       std::string(8 - std::min<std::size_t>(8, number.size()), ' ');
    const std::size_t marks = colour_ ? 0 : 2, used = width_of(line) + width_of(token) + marks;
    const std::size_t room = columns_ > used ? columns_ - used : 0;
    // Two thirds before the token; what one side does not need is the other's.
    const std::size_t right = std::min(width_of(after), room - room * 2 / 3);
    const std::size_t left = std::min(width_of(before), room - right);
    line += std::string(right_part(before, left));
    line += colour_ ? "\033[1;33m" + token + "\033[0m" : "[" + token + "]";
    line += left_part(after, room - left);
    std::cout << line << "\n";
  }

  /// What the state has counted moves to the totals, and the next document begins anew.
  void end_stream() {
    for (const polysem_subject subject : kSubjects)
      for (std::size_t i = 0; i < totals_[subject].size(); ++i) {
        polysem_reading reading{};
        polysem_read(state_.get(), subject, i, &reading);
        totals_[subject][i].hits += reading.hits;
        totals_[subject][i].active_positions += reading.active_positions;
      }
    polysem_counters counters{};
    polysem_get_counters(state_.get(), &counters);
    positions_ += static_cast<std::int64_t>(counters.positions);
    non_finite_ += static_cast<std::int64_t>(counters.non_finite);
    polysem_reset(state_.get());
  }

  void print_summary() const {
    std::vector<std::vector<std::string>> rows = {{"watched", "kind", "hits", "active at"}};
    for (const polysem_subject subject : kSubjects)
      for (std::size_t i = 0; i < totals_[subject].size(); ++i)
        rows.push_back({std::string(left_part(one_line(rules_.name(subject, i)), kMostNameColumns)),
                        std::string(program::name(subject)),
                        with_commas(static_cast<std::int64_t>(totals_[subject][i].hits)),
                        with_commas(static_cast<std::int64_t>(totals_[subject][i].active_positions))});
    std::cout << "\n" << table(rows) << "of " << counted(positions_, "token");
    if (massive_ > 0) std::cout << "; " << with_commas(massive_) << " massive, passed over";
    if (non_finite_ > 0) std::cout << "; " << with_commas(non_finite_) << " not finite, passed over";
    std::cout << "\n";
  }

  void write_result() const {
    json subjects = json::array();
    for (const polysem_subject subject : kSubjects)
      for (std::size_t i = 0; i < totals_[subject].size(); ++i) {
        subjects.push_back({{"kind", program::name(subject)},
                            {"name", rules_.name(subject, i)},
                            {"hits", totals_[subject][i].hits},
                            {"active_positions", totals_[subject][i].active_positions}});
        if (subject == POLYSEM_WATCH)
          subjects.back()["latent"] = at_.coder().source_latent(rules_.watches()[i].latent);
      }
    write_only_result(arguments_, {{"schema", "polysem.monitor/1"},
                                   {"model", at_.file().name()},
                                   {"coder", arguments_.text("coder")},
                                   {"site", at_.site().name()},
                                   {"tokens", tokens_},
                                   {"positions", positions_},
                                   {"massive", massive_},
                                   {"non_finite", non_finite_},
                                   {"watched", subjects},
                                   {"hits", all_hits_},
                                   {"environment", session_.environment()}});
  }

  const Arguments& arguments_;
  Session session_;
  CoderAtSite at_;
  WatchRules rules_;
  CoreState state_;
  std::int64_t context_, left_, tokens_ = 0, positions_ = 0, massive_ = 0, non_finite_ = 0;
  std::size_t columns_, name_columns_ = 1;
  bool colour_, keeps_hits_;
  std::string document_;
  bool named_ = false;  // whether the document's name has been printed
  std::vector<polysem_hit> hits_;
  std::vector<polysem_reading> totals_[3];
  json all_hits_ = json::array();
};

int run(const Arguments& arguments) {
  if (!arguments.positional().empty())
    throw UsageError("polysem monitor takes no argument; found '" + arguments.positional()[0] + "'");
  expect_result_writable(arguments);
  return Monitor(arguments).run();
}

}  // namespace

const Command& monitor_command() {
  static const Command command = {
      .name = "monitor",
      .summary = "watch latents while text passes through a language model",
      .positional = "",
      .details =
          "Prints a line where a watch, rule or probe turns active: the token's number in its document, "
          "name, "
          "value, and the text around the token, which is bright or in brackets. RULES.json, of which all "
          "but "
          "\"watch\" and \"latent\" may be left out: "
          "{\"watch\": [{\"latent\": 77, \"name\": \"months\", \"on\": 4, \"off\": 2, \"smoothing\": 0.5}, "
          "{\"latent\": 5, \"name\": \"dates\"}], "
          "\"rules\": [{\"name\": \"calendar\", \"all\": [\"months\", \"!dates\"]}], "
          "\"probes\": [{\"name\": \"letter\", \"weights\": {\"months\": 0.4, \"dates\": 0.1}, \"bias\": -2, "
          "\"on\": 0.8, \"off\": 0.6}]} "
          "A watch turns active above \"on\" and stays so until it is at most \"off\"; its value is the "
          "activation, smoothed from token to token (1 is not at all). A rule asks for \"all\" or \"any\" of "
          "its "
          "watches, ! for one that is not active. A probe is a logistic regression on the watches' values. "
          "Every document begins anew. The first token of a context and massive activations, on which coders "
          "are "
          "not trained, are passed over.",
      .example = "polysem monitor --coder coder --text letter.txt --watch rules.json --json hits.json",
      .options =
          {
              {"model", "GGUF", "smollm2", "language model; smollm2 for the one of ci/setup"},
              {"coder", "CODER", "", "coder's folder or .polysem file"},
              {"watch", "RULES.json", "", "what to look for"},
              {"text", "PATH", "debian",
               "debian (fetched by ci/setup), files, folders, .jsonl, or - for standard input", true},
              {"split", "all|train|heldout", "all", "which documents: all, all but a tenth, or that tenth"},
              {"tokens", "N", "", "tokens to read at most"},
              {"context", "N", "", "tokens a context (default: 256, or what the model reads at most)"},
              {"site", "NAME", "", "where to read (default: where the coder was trained)"},
          },
      .run = run,
  };
  return command;
}

}  // namespace polysem::program
