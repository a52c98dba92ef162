#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/program/arguments.hpp"

namespace polysem::program {

/// What a file given to --config says.
struct ConfigFile {
  struct Value {
    std::vector<std::string> words;  ///< as on the command line; "true" for a flag
    std::string place;               ///< for messages: file and key
  };
  std::vector<std::string> positional;
  std::map<std::string, Value, std::less<>> options;  ///< without those that are null or a flag's false
};

/// Reads a JSON file: an object of options; {"command", "arguments", "options"} as Arguments::effective()
/// makes it; or any result that holds that under "config", or as a store under "recipe". Throws
/// Error{kBadInput} with file and key for damage, keys that occur twice or that `command` does not know,
/// values of the wrong kind.
ConfigFile read_config_file(const std::string& path, std::string_view command,
                            const std::vector<OptionSpec>& specs);

}  // namespace polysem::program
