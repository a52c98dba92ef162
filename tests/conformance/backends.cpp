#include "tests/conformance/backends.hpp"

#include <cctype>
#include <cstdlib>
#include <map>
#include <memory>
#include <utility>

#include "polysem/error.hpp"

namespace polysem::conformance {

namespace {

std::vector<std::string> all_backends() {
  std::vector<std::string> names;
  for (const BackendEntry* entry : registered_backends())
    names.push_back(entry->name == "vulkan" ? "vulkan:llvmpipe" : std::string(entry->name));
  return names;
}

std::map<std::pair<std::string, int>, std::unique_ptr<Backend>>& open_backends() {
  static std::map<std::pair<std::string, int>, std::unique_ptr<Backend>> open;
  return open;
}

std::vector<std::string>& names_in_use() {
  static std::vector<std::string> names = all_backends();
  return names;
}

}  // namespace

const std::vector<std::string>& backend_names() { return names_in_use(); }

void choose_backends(std::vector<std::string> names) { names_in_use() = std::move(names); }

void close_backends() { open_backends().clear(); }

Support can_run(const std::string& name) {
  static std::map<std::string, Support> known;
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  Support& support = known[name];
  try {
    opened(name);
  } catch (const Error& error) {
    support = Support::no(error.what());
  }
  return support;
}

// The software driver of Vulkan learns from its environment how many threads it may use.
Backend& opened(const std::string& name, int threads) {
  auto& backend = open_backends()[{name, threads}];
  if (!backend) {
    setenv("LP_NUM_THREADS", std::to_string(threads).c_str(), 1);
    backend = open_backend(name, threads);
  }
  return *backend;
}

bool runs_otherwise(const Backend& a, const Backend& b) {
  return a.info().threads != b.info().threads || a.info().threads == 0;
}

std::string plain_name(const std::string& backend) {
  std::string plain = backend;
  for (char& c : plain)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return plain;
}

}  // namespace polysem::conformance
