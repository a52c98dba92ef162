// polysem toy gallery: every experiment of both families, small, on one page.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>

#include "bench/figures/gallery.hpp"
#include "bench/program/incidental/experiments.hpp"
#include "bench/program/terminal.hpp"
#include "bench/program/toy/experiments.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"

namespace polysem::program::toy {

namespace {

std::string id_of(const Command& command) {
  std::string id(command.name);
  for (char& c : id)
    if (c == ' ') c = '-';
  return id;
}

// What the gallery's user asked of all experiments.
std::vector<std::string> words_for(const Arguments& a) {
  std::vector<std::string> words = {"--quiet", "--seed", a.text("seed"), "--threads", a.text("threads")};
  if (!a.flag("full")) words.insert(words.begin(), "--quick");
  if (a.given("backend")) words.insert(words.end(), {"--backend", a.text("backend")});
  if (a.flag("fallback")) words.emplace_back("--fallback");
  return words;
}

figures::GalleryEntry entry_of(const Arguments& a, const Experiment& e, const Outcome& outcome) {
  const std::string id = id_of(*e.command), seed = a.given("seed") ? " --seed " + a.text("seed") : "";
  std::vector<std::pair<std::string, std::string>> links = {{"result.json", id + "/result.json"},
                                                            {"figure.svg", id + "/figure.svg"}};
  if (!outcome.weights.empty()) links.emplace_back("weights.safetensors", id + "/weights.safetensors");
  return {.id = id,
          .title = e.title,
          .text = e.text,
          .command = "polysem " + std::string(e.command->name) + seed + " --out " + id,
          .figure = outcome.figure,
          .table = outcome.table,
          .links = std::move(links)};
}

using Listed = std::pair<const Experiment*, std::string>;  // and its schema

std::vector<Listed> chosen(const Arguments& a) {
  std::vector<Listed> all, list;
  for (const Experiment* e : experiments()) all.emplace_back(e, kSchema);
  for (const Experiment* e : incidental::experiments()) all.emplace_back(e, incidental::kSchema);
  if (!a.given("only")) return all;
  for (const std::string& word : a.list("only")) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Listed& l) { return id_of(*l.first->command) == word; });
    if (found == all.end()) {
      std::string names;
      for (const Listed& l : all) names += (names.empty() ? "" : ", ") + id_of(*l.first->command);
      a.refuse("only", "there is no '" + word + "'; there are " + names);
    }
    if (std::find(list.begin(), list.end(), *found) == list.end()) list.push_back(*found);
  }
  return list;
}

void write_page(const std::filesystem::path& folder, bool full,
                const std::vector<figures::GalleryEntry>& entries) {
  const std::string sizes =
      full ? "with their published sizes." : "in small versions; each has the command of the full one.";
  const std::string page = figures::gallery_page(
      "Why neurons are polysemantic",
      "Published experiments on toy models of superposition and on incidental polysemanticity, " + sizes,
      entries);
  write_file_atomic(folder / "index.html", std::string_view(page));
}

int run(const Arguments& a) {
  if (!a.positional().empty()) throw UsageError("polysem toy gallery takes options only");
  require_f32(a);
  const std::filesystem::path folder = a.text("out");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw Error(ErrorCode::kFailed, folder.string() + ": cannot make this folder: " + error.message());
  require_writable(folder / "index.html");
  const auto list = chosen(a);
  std::vector<figures::GalleryEntry> entries;
  std::vector<std::vector<std::string>> rows = {{"experiment", "seconds"}};
  nlohmann::json made = nlohmann::json::array();
  Progress progress("experiment", static_cast<std::int64_t>(list.size()), a.flag("quiet"));
  catch_interrupts();
  for (const auto& [experiment, schema] : list) {
    const std::string name(experiment->command->name);
    progress.note("polysem " + name);
    const Arguments own(*experiment->command, words_for(a));
    Session session(own);
    const auto start = std::chrono::steady_clock::now();
    const Outcome outcome = experiment->run(own, session);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::filesystem::path place = folder / id_of(*experiment->command);
    std::filesystem::create_directories(place);
    write_outcome(place.string(), outcome, complete_result(own, session, schema, outcome, seconds));
    entries.push_back(entry_of(a, *experiment, outcome));
    rows.push_back({name, significant(seconds, 3)});
    made.push_back({{"experiment", name}, {"seconds", seconds}, {"folder", id_of(*experiment->command)}});
    write_page(folder, a.flag("full"), entries);  // each time: Ctrl-C leaves a page of what is done
    progress.update(static_cast<std::int64_t>(entries.size()));
  }
  std::cout << table(rows) << "written to " << folder.string()
            << ": index.html, and a folder for each experiment\n";
  write_json_result(a, {{"schema", "polysem.gallery/1"}, {"experiments", made}});
  return kDone;
}

}  // namespace

const Command& gallery_command() {
  static const Command only = {
      .name = "toy gallery",
      .summary = "all experiments, those of polysem incidental too, on one page",
      .positional = "",
      .details =
          "Runs every experiment in its --quick version, writes a folder for each, and one page, index.html, "
          "with all "
          "figures and tables and the command of each full version.",
      .example = "polysem toy gallery --out gallery",
      .options =
          {{.name = "out", .value_name = "DIR", .value = "gallery", .help = "where to write"},
           {.name = "only",
            .value_name = "NAMES",
            .value = "",
            .help = "some of them, for instance toy-phase,toy-deform",
            .list = true},
           {.name = "full", .value_name = "", .value = "", .help = "published sizes instead; takes hours"}},
      .run = run,
  };
  return only;
}

}  // namespace polysem::program::toy
