#pragma once

#include "tests/conformance/command_line.hpp"

/// What polysem-backend-test does beside running tests. Each prints a table, writes JSON where asked to, and
/// returns the program's exit code.
namespace polysem::conformance {

/// Ops by backend: which of the table's cases a backend takes, by element type, with the reason for the rest.
/// Fails where a backend takes some cases of an op and not others.
int show_support(const CommandLine& line);

/// Rates of the ops of training on each backend.
int measure(const CommandLine& line);

}  // namespace polysem::conformance
