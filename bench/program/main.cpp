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
    capture_command, data_command,   train_command, eval_command,
    encode_command,  report_command, info_command,  backends_command,
};

std::string overview() {
  std::string text =
      "polysem: takes apart neurons that answer to several unrelated concepts.\n"
      "Captures activations of a language model, trains sparse autoencoders on them, measures and shows the "
      "result.\n\n"
      "usage: polysem COMMAND [options]\n\n";
  for (const auto& make : kCommands) {
    std::string name(make().name);
    name.resize(10, ' ');
    text += "  " + name + std::string(make().summary) + "\n";
  }
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

const Command& need_command(const std::string& name) {
  if (const Command* command = find_command(name)) return *command;
  std::vector<std::string> names;
  for (const auto& make : kCommands) names.emplace_back(make().name);
  const std::string near = nearest(name, names);
  throw UsageError("there is no command '" + name + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?") + " ('polysem' alone lists them)");
}

int dispatch(std::vector<std::string> words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" ||
      (words[0] == "help" && words.size() == 1)) {
    std::cout << overview();
    return kDone;
  }
  if (words[0] == "--version" || words[0] == "version") {
    std::cout << "polysem " << polysem_version() << "\n";
    return kDone;
  }
  if (words[0] == "help") {
    std::cout << help_text(need_command(words[1]));
    return kDone;
  }
  const Command& command = need_command(words[0]);
  words.erase(words.begin());
  for (const std::string& word : words) {
    if (word == "--help" || word == "-h") {
      std::cout << help_text(command);
      return kDone;
    }
  }
  const Arguments arguments(command, words);
  if (arguments.given("json")) require_writable(arguments.text("json"));
  return command.run(arguments);
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
