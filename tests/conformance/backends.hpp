#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "polysem/backend.hpp"

namespace polysem::conformance {

/// A backend of this build, opened once for the whole program: a device may be slow to start.
Backend& opened(std::string_view name, int threads = 2);

/// Tests that run once for every backend of this build and are skipped, with the reason, where it cannot run.
class BackendTest : public testing::TestWithParam<const BackendEntry*> {
 protected:
  void SetUp() override {
    if (const Support support = GetParam()->probe(); !support) GTEST_SKIP() << support.reason;
  }
  Backend& backend(int threads = 2) const { return opened(GetParam()->name, threads); }
};

inline std::string backend_name(const testing::TestParamInfo<const BackendEntry*>& given) {
  return std::string(given.param->name);
}

}  // namespace polysem::conformance

#define POLYSEM_FOR_EVERY_BACKEND(suite)                                                                  \
  INSTANTIATE_TEST_SUITE_P(All, suite,                                                                    \
                           testing::ValuesIn(registered_backends().begin(), registered_backends().end()), \
                           ::polysem::conformance::backend_name)
