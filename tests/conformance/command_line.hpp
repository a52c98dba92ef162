#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace polysem::conformance {

/// What polysem-backend-test is asked for.
struct CommandLine {
  std::vector<std::string> devices;  ///< as --backend takes them; empty for every backend of this build
  std::string mode = "test";
  std::string filter;               ///< names to be left in; see matches()
  std::string json;                 ///< where perf and support write their figures, or ""
  std::vector<std::string> others;  ///< GoogleTest's own options
};

/// Throws std::invalid_argument, which says what is wrong.
CommandLine read_command_line(int argc, char** argv);
std::string usage();

/// Whether a name fits a filter: patterns with ':' between, after a '-' those that are left out. '*' stands
/// for any text and '?' for a character. A pattern may occur anywhere in the name, but one with a '.' is a
/// full name
/// ("Suite.Test").
bool matches(const std::string& filter, const std::string& name);

}  // namespace polysem::conformance
