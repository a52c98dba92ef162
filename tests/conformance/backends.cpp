#include "tests/conformance/backends.hpp"

#include <map>
#include <memory>
#include <utility>

namespace polysem::conformance {

Backend& opened(std::string_view name, int threads) {
  static std::map<std::pair<std::string, int>, std::unique_ptr<Backend>> open;
  auto& backend = open[{std::string(name), threads}];
  if (!backend) backend = open_backend(name, threads);
  return *backend;
}

}  // namespace polysem::conformance
