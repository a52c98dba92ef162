#include "tests/conformance/backends.hpp"

#include <cctype>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <utility>

#include "polysem/error.hpp"

namespace polysem::conformance {

namespace {

std::vector<std::string> chosen_backends() {
  std::vector<std::string> names;
  if (const char* chosen = std::getenv("POLYSEM_CONFORMANCE_BACKENDS")) {
    std::istringstream text(chosen);
    for (std::string name; std::getline(text, name, ',');) names.push_back(name);
    return names;
  }
  for (const BackendEntry* entry : registered_backends())
    names.push_back(entry->name == "vulkan" ? "vulkan:llvmpipe" : std::string(entry->name));
  return names;
}

std::map<std::pair<std::string, int>, std::unique_ptr<Backend>>& open_backends() {
  static std::map<std::pair<std::string, int>, std::unique_ptr<Backend>> open;
  return open;
}

// Closes them before the process ends: by then a driver may have been unloaded.
class Closing final : public testing::Environment {
 public:
  void TearDown() override { open_backends().clear(); }
};
[[maybe_unused]] const testing::Environment* const closing = testing::AddGlobalTestEnvironment(new Closing);

}  // namespace

const std::vector<std::string>& backend_names() {
  static const std::vector<std::string> names = chosen_backends();
  return names;
}

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

std::string plain_name(const std::string& backend) {
  std::string plain = backend;
  for (char& c : plain)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return plain;
}

}  // namespace polysem::conformance
