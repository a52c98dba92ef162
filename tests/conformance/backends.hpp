#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "polysem/backend.hpp"

namespace polysem::conformance {

/// What the tests run on, as --backend takes it: every backend of this build, of Vulkan the software device
/// that is everywhere; or those that choose_backends() was given before the tests were made.
const std::vector<std::string>& backend_names();
void choose_backends(std::vector<std::string> names);

/// Why a backend cannot run here, or yes.
Support can_run(const std::string& name);

/// A backend of this build, opened once for the whole program: a device may be slow to start.
Backend& opened(const std::string& name, int threads = 2);
/// Whether two openings of a backend with different numbers of threads differ. A backend of one thread would
/// but run the same again; one on a card (0 threads) may use the processor's threads where the card is played
/// by software.
bool runs_otherwise(const Backend& a, const Backend& b);
/// Closes all of them. Before the program ends: by then a driver may have been unloaded.
void close_backends();

/// Part of a test's name.
std::string plain_name(const std::string& backend);

/// Tests that run once for every backend and are skipped, with the reason, where it cannot run.
class BackendTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (const Support support = can_run(GetParam()); !support) GTEST_SKIP() << support.reason;
  }
  Backend& backend(int threads = 2) const { return opened(GetParam(), threads); }
};

}  // namespace polysem::conformance

#define POLYSEM_FOR_EVERY_BACKEND(suite)                                                           \
  INSTANTIATE_TEST_SUITE_P(All, suite, testing::ValuesIn(backend_names()), [](const auto& given) { \
    return ::polysem::conformance::plain_name(given.param);                                        \
  })
