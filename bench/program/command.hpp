#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/program/arguments.hpp"

namespace polysem::program {

/// Exit codes, a contract with scripts.
enum ExitCode : int {
  kDone = 0,
  kFailedRunning = 1,
  kWrongUsage = 2,
  kBadFile = 3,
  kNoBackend = 4,
  kInterrupted = 130
};

/// One subcommand. Each lives in a file of its own and is a row in main.cpp's table.
struct Command {
  std::string_view name;
  std::string_view summary;     ///< one line, no full stop
  std::string_view positional;  ///< as shown in the usage line, for instance "CODER"
  std::string_view details;     ///< paragraph under the summary
  std::string_view example;     ///< runnable
  std::vector<OptionSpec> options;
  int (*run)(const Arguments& arguments);
};

/// Commands of one family, called "FAMILY NAME": their names hold both words.
struct CommandFamily {
  std::string_view name;
  std::string_view summary;  ///< one line, no full stop
  std::span<const Command* const> (*commands)();
};

const Command& backends_command();
const Command& capture_command();
const Command& data_command();
const Command& train_command();
const Command& eval_command();
const Command& encode_command();
const Command& report_command();
const Command& convert_command();
const Command& steer_command();
const Command& monitor_command();
const Command& info_command();

std::span<const Command* const> toy_commands();
std::span<const Command* const> incidental_commands();

}  // namespace polysem::program
