#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace polysem::test {

/// Where ci/setup puts the real model.
inline std::filesystem::path real_model_path() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  std::filesystem::path cache = variable("POLYSEM_CACHE");
  if (cache.empty()) {
    const std::string base = variable("XDG_CACHE_HOME");
    cache =
        (base.empty() ? std::filesystem::path(variable("HOME")) / ".cache" : std::filesystem::path(base)) /
        "polysem";
  }
  return cache / "SmolLM2-135M-Instruct.Q4_1.gguf";
}

}  // namespace polysem::test

/// Skips the running test where the real model is not on this machine.
#define POLYSEM_NEED_REAL_MODEL()                                                                          \
  do {                                                                                                     \
    if (!std::filesystem::exists(::polysem::test::real_model_path()))                                      \
      GTEST_SKIP() << ::polysem::test::real_model_path().string() << " is missing; ./ci/setup fetches it"; \
  } while (false)
