#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>

#include "bench/program/command.hpp"
#include "bench/program/terminal.hpp"
#include "polysem/error.hpp"
#include "polysem/file.hpp"
#include "polysem/version.h"

namespace polysem::program {
namespace {

// One row a subcommand, in the order of the overview.
constexpr const Command& (*kCommands[])() = {
    capture_command, data_command,  train_command,   eval_command, encode_command,   report_command,
    convert_command, steer_command, monitor_command, info_command, backends_command,
};

constexpr CommandFamily kFamilies[] = {
    {"toy", "toy models of superposition: published experiments, each with its figure", toy_commands},
    {"incidental", "polysemanticity without need: published experiments, each with its figure",
     incidental_commands},
};

std::string listed(std::string_view name, std::string_view summary, std::size_t width) {
  std::string line(name);
  line.resize(std::max(width, line.size() + 1), ' ');
  return "  " + line + std::string(summary) + "\n";
}

std::string overview() {
  std::string text =
      "polysem: takes apart neurons that answer to several unrelated concepts.\n"
      "Captures activations of a language model, trains sparse autoencoders on them, measures and shows the "
      "result.\n\n"
      "usage: polysem COMMAND [options]\n\n";
  for (const auto& make : kCommands) text += listed(make().name, make().summary, 12);
  for (const CommandFamily& family : kFamilies) text += listed(family.name, family.summary, 12);
  text +=
      "\n'polysem help COMMAND' shows its options and an example. A first run, in a few minutes:\n\n"
      "  polysem capture --model smollm2 --text debian --tokens 100k --out store\n"
      "  polysem train --data store --latents 4096 --k 32 --out coder\n"
      "  polysem report coder --data store --out report.html\n";
  return text;
}

const Command* find_command(std::string_view name) {
  for (const auto& make : kCommands)
    if (make().name == name) return &make();
  return nullptr;
}

const CommandFamily* find_family(std::string_view name) {
  for (const CommandFamily& family : kFamilies)
    if (family.name == name) return &family;
  return nullptr;
}

std::string family_overview(const CommandFamily& family) {
  std::string text = "polysem " + std::string(family.name) + ": " + std::string(family.summary) +
                     "\n\nusage: polysem " + std::string(family.name) + " NAME [options]\n\n";
  for (const Command* command : family.commands())
    text += listed(command->name.substr(family.name.size() + 1), command->summary, 16);
  return text + "\n'polysem help " + std::string(family.name) + " NAME' shows its options and an example.\n";
}

const Command& need_member(const CommandFamily& family, const std::string& name) {
  std::vector<std::string> names;
  for (const Command* command : family.commands()) {
    names.emplace_back(command->name.substr(family.name.size() + 1));
    if (names.back() == name) return *command;
  }
  const std::string near = nearest(name, names), called = "polysem " + std::string(family.name);
  throw UsageError("there is no '" + called + " " + name + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?") + " ('" + called + "' lists them)");
}

const Command& need_command(const std::string& name) {
  if (const Command* command = find_command(name)) return *command;
  std::vector<std::string> names;
  for (const auto& make : kCommands) names.emplace_back(make().name);
  for (const CommandFamily& family : kFamilies) names.emplace_back(family.name);
  const std::string near = nearest(name, names);
  throw UsageError("there is no command '" + name + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?") + " ('polysem' alone lists them)");
}

bool asks_for_help(const std::string& word) { return word == "--help" || word == "-h"; }

// Takes the words that name a command off the front. Null where they ask for the list of a family.
const Command* take_command(std::vector<std::string>& words) {
  const CommandFamily* family = find_family(words[0]);
  const std::size_t taken = family != nullptr ? 2 : 1;
  const Command* command = nullptr;
  if (family == nullptr) {
    command = &need_command(words[0]);
  } else if (words.size() > 1 && !asks_for_help(words[1])) {
    command = &need_member(*family, words[1]);
  } else {
    std::cout << family_overview(*family);
    return nullptr;
  }
  words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(taken));
  return command;
}

int dispatch(std::vector<std::string> words) {
  if (words.empty() || asks_for_help(words[0]) || (words[0] == "help" && words.size() == 1)) {
    std::cout << overview();
    return kDone;
  }
  if (words[0] == "--version" || words[0] == "version") {
    std::cout << "polysem " << polysem_version() << "\n";
    return kDone;
  }
  const bool help = words[0] == "help";
  if (help) words.erase(words.begin());
  const Command* command = take_command(words);
  if (command == nullptr) return kDone;
  if (help || std::any_of(words.begin(), words.end(), asks_for_help)) {
    std::cout << help_text(*command);
    return kDone;
  }
  const Arguments arguments(*command, words);
  if (arguments.given("json")) require_writable(arguments.text("json"));
  return command->run(arguments);
}

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return kWrongUsage;
    case ErrorCode::kBadInput:
      return kBadFile;
    case ErrorCode::kBackendUnavailable:
    case ErrorCode::kUnsupported:
      return kNoBackend;
    case ErrorCode::kInterrupted:
      return kInterrupted;
    case ErrorCode::kFailed:
    case ErrorCode::kOutOfMemory:
      return kFailedRunning;
  }
  return kFailedRunning;
}

constexpr std::string_view kLessMemory = "; a smaller --batch, fewer --latents or fewer --tokens need less";

/// Where an exception cannot pass (destructors, other libraries' callbacks) want of memory ends the program.
/// It should still say so, with the usual exit code.
[[noreturn]] void on_terminate() {
  try {
    if (const auto active = std::current_exception()) std::rethrow_exception(active);
  } catch (const std::bad_alloc&) {
    print_error("out of memory", kLessMemory);
    std::_Exit(kFailedRunning);
  } catch (const std::exception& error) {
    print_error("internal error: ", error.what());
  } catch (...) {
    print_error("internal error: unknown exception");
  }
  std::abort();
}

int guarded(int argc, char** argv) {
  try {
    const int code = dispatch({argv + 1, argv + argc});
    std::cout.flush();
    if (!std::cout) throw Error(ErrorCode::kFailed, "standard output could not be written");
    return code;
  } catch (const UsageError& error) {
    print_error(error.what());
    return kWrongUsage;
  } catch (const Error& error) {
    print_error(error.code() == ErrorCode::kOutOfMemory ? error.what() + std::string(kLessMemory)
                                                        : error.what());
    return exit_code(error.code());
  } catch (const std::bad_alloc&) {
    print_error("out of memory", kLessMemory);
    return kFailedRunning;
  } catch (const std::exception& error) {
    print_error(error.what());
    return kFailedRunning;
  }
}

}  // namespace
}  // namespace polysem::program

int main(int argc, char** argv) {
  std::set_terminate(polysem::program::on_terminate);
  polysem::program::end_on_interrupt();
  return polysem::program::guarded(argc, argv);
}
