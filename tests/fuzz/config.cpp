// A file given to --config: options of every kind, and what the getters make of their values.
#include "bench/program/arguments.hpp"
#include "bench/program/command.hpp"
#include "tests/fuzz/target.hpp"

namespace polysem::fuzz {

namespace {

const program::Command& command() {
  static const program::Command command = {.name = "try",
                                           .summary = "",
                                           .positional = "PATH",
                                           .details = "",
                                           .example = "",
                                           .options = {{"latents", "N", "64k", ""},
                                                       {"lr", "RATE", "2e-3", ""},
                                                       {"decoder", "unit_norm|none", "none", ""},
                                                       {"site", "NAME", "", "", true},
                                                       {"resume", "", "", ""}},
                                           .run = nullptr};
  return command;
}

void read_options(const program::Arguments& arguments) {
  try {
    arguments.integer("latents", 1, 1 << 20);
    arguments.integer("seed", 0, std::int64_t{1} << 53);
    arguments.number("lr", 1e-12, 1e3);
    arguments.choice("decoder", {"unit_norm", "none"});
  } catch (const program::UsageError&) {
  }
}

}  // namespace

void read_input(std::string_view bytes) {
  static const auto path = scratch_folder() / "config.json";
  put(path, bytes);
  try {
    const program::Arguments arguments(command(), {"--config", path.string()});
    arguments.list("site");
    arguments.command_line();
    read_options(arguments);
    // What was taken must be taken again in the form in which results hold it, and mean the same.
    const std::string effective = nlohmann::json{{"config", arguments.effective()}}.dump(
        -1, ' ', false, nlohmann::json::error_handler_t::replace);
    put(path, effective);
    const program::Arguments again(command(), {"--config", path.string()});
    if (again.effective() != arguments.effective()) broken("--config takes back what a result says");
  } catch (const program::UsageError&) {  // the program's own kind of error, for exit code 2
  }
}

std::vector<std::string> seeds() {
  return {
      R"({"latents": 128, "lr": "1e-3", "decoder": "none", "site": ["a", "b"], "resume": true, "quiet": false})",
      R"({"config": {"command": "try", "arguments": ["x"], "options": {"latents": "64k", "seed": "3"}}})",
      R"({"options": {"lr": 0.5, "site": "blocks.0.hook_resid_pre", "json": null}})"};
}

}  // namespace polysem::fuzz
