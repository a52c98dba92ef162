#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace polysem::program {

/// The command line was wrong; exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A long option. Without a value name it is a flag. `value` is the default, empty for none.
struct OptionSpec {
  std::string name;
  std::string value_name;
  std::string value;
  std::string help;
  bool list = false;            ///< may be given several times, or hold several values separated by commas
  std::string instead_of = "";  ///< an option that this one takes the place of: not both count
  std::string quick = "";       ///< default with --quick, where it is another
};

struct Command;

/// What a user asked of a command: command line first, then --config, then defaults.
class Arguments {
 public:
  Arguments(const Command& command, const std::vector<std::string>& words);

  bool has(std::string_view name) const;    ///< given, or has a default
  bool given(std::string_view name) const;  ///< on the command line or in --config
  bool flag(std::string_view name) const;
  std::string text(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;
  /// Whole number: "65536", "64k", "2M", "1e6". The range is part of the message when it is left.
  std::int64_t integer(std::string_view name, std::int64_t lowest, std::int64_t highest) const;
  double number(std::string_view name, double lowest, double highest) const;
  /// One of a few words.
  std::string choice(std::string_view name, const std::vector<std::string>& words) const;

  const std::vector<std::string>& positional() const noexcept { return positional_; }
  /// The only positional argument, or a UsageError that says what belongs there.
  const std::string& only_positional() const;

  /// {"command", "options", "arguments"}: written into results, and accepted back by --config. Without
  /// --json, which says where such a result goes.
  nlohmann::json effective() const;
  /// The same as a line for a shell.
  std::string command_line() const;
  const Command& command() const noexcept { return *command_; }

  /// A value that is not possible: UsageError with the option, or, where it came from --config,
  /// Error{kBadInput} with file and key.
  [[noreturn]] void refuse(std::string_view name, const std::string& why) const;

 private:
  const std::string& required(std::string_view name) const;
  void apply_config(const std::string& path);
  /// Whether an option is given that takes the place of this one, or the other way round.
  bool replaced(std::string_view name) const;

  const Command* command_;
  std::vector<OptionSpec> specs_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;  ///< given
  std::map<std::string, std::string, std::less<>>
      places_;  ///< in the file of --config, of what came from there
  std::vector<std::string> positional_;
};

/// Options that every command takes.
std::vector<OptionSpec> common_options();

/// The help page of a command.
std::string help_text(const Command& command);

/// The word of `words` nearest to `word` by edit distance, or "" where none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& words);

/// "64k" -> 65536, "1e6" -> 1000000; nothing where it is no number.
std::optional<double> parse_number(std::string_view text);

}  // namespace polysem::program
