#include "tests/conformance/command_line.hpp"

#include <sstream>

namespace polysem::conformance {

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

bool fits(const char* pattern, const char* name) {
  if (*pattern == '\0') return *name == '\0';
  if (*pattern == '*') return fits(pattern + 1, name) || (*name != '\0' && fits(pattern, name + 1));
  return *name != '\0' && (*pattern == '?' || *pattern == *name) && fits(pattern + 1, name + 1);
}

bool fits_any(const std::string& patterns, const std::string& name) {
  for (const std::string& pattern : split(patterns, ':')) {
    const bool whole = pattern.find('.') != std::string::npos;
    if (fits((whole ? pattern : "*" + pattern + "*").c_str(), name.c_str())) return true;
  }
  return false;
}

}  // namespace

CommandLine read_command_line(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--gtest_")) {
      line.others.push_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string option = word.substr(0, equals);
    const auto value = [&]() -> std::string {
      if (equals != std::string::npos) return word.substr(equals + 1);
      if (i + 1 == argc) throw std::invalid_argument(option + " needs a value");
      return argv[++i];
    };
    if (option == "--device") {
      for (const std::string& name : split(value(), ',')) line.devices.push_back(name);
    } else if (option == "--mode") {
      line.mode = value();
    } else if (option == "--filter") {
      line.filter = value();
    } else if (option == "--json") {
      line.json = value();
    } else {
      throw std::invalid_argument("there is no option '" + word + "'");
    }
  }
  for (const char* mode : {"test", "grad", "perf", "support"})
    if (line.mode == mode) return line;
  throw std::invalid_argument("--mode must be test, grad, perf or support, found '" + line.mode + "'");
}

std::string usage() {
  return "usage: polysem-backend-test [--device NAME[,NAME]] [--mode test|grad|perf|support] [--filter "
         "PATTERN] "
         "[--json FILE]\n\n"
         "Whether a backend computes what the reference backend computes.\n"
         "  --device   as polysem's --backend takes it, for instance vulkan:llvmpipe; all of this build if "
         "not given\n"
         "  --mode     test: everything; grad: gradients alone; perf: rates of the ops, beside the best that "
         "the\n"
         "             device was seen to do; support: which ops the device has, with which types\n"
         "  --filter   tests or ops whose name contains this; '*' and '?', ':' between several, '-' before "
         "those to\n"
         "             leave out\n"
         "  --json     where perf and support write their figures (tests: --gtest_output=json:FILE)\n"
         "Exit codes: 0 all is well, 1 something failed, 2 wrong usage, 4 a device that was named cannot "
         "run.\n";
}

bool matches(const std::string& filter, const std::string& name) {
  const std::size_t minus = filter.find('-');
  const std::string in = filter.substr(0, minus);
  if (minus != std::string::npos && fits_any(filter.substr(minus + 1), name)) return false;
  return in.empty() || fits_any(in, name);
}

}  // namespace polysem::conformance
