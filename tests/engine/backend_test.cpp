#include "polysem/backend.hpp"

#include <gtest/gtest.h>

#include "polysem/error.hpp"

namespace polysem {
namespace {

std::string refusal(std::string_view name, int threads, ErrorCode code) {
  try {
    open_backend(name, threads);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
}

TEST(Backends, TheReferenceIsAlwaysThere) {
  const auto backend = open_backend("reference");
  EXPECT_EQ(backend->info().name, "reference");
  EXPECT_EQ(backend->info().threads, 1);
  EXPECT_GT(backend->info().memory_bytes, 0u);
}

TEST(Backends, EveryEntryIsDescribedAndOpensOrSaysWhyNot) {
  for (const BackendEntry* entry : registered_backends()) {
    EXPECT_FALSE(entry->summary.empty());
    if (const Support support = entry->probe()) {
      EXPECT_EQ(open_backend(entry->name)->info().name, entry->name);
    } else {
      EXPECT_FALSE(support.reason.empty());
      EXPECT_NE(refusal(entry->name, 0, ErrorCode::kBackendUnavailable).find(support.reason),
                std::string::npos);
    }
  }
}

TEST(Backends, TheDefaultIsTheFirstThatRuns) {
  const auto backend = open_backend("");
  for (const BackendEntry* entry : registered_backends()) {
    if (!entry->probe()) continue;
    EXPECT_EQ(backend->info().name, entry->name);
    break;
  }
}

TEST(Backends, UnknownNamesListTheKnown) {
  const std::string message = refusal("abacus", 0, ErrorCode::kBackendUnavailable);
  EXPECT_NE(message.find("'abacus'"), std::string::npos) << message;
  for (const BackendEntry* entry : registered_backends())
    EXPECT_NE(message.find(entry->name), std::string::npos) << message;
}

TEST(Backends, UnknownDevicesAndBadThreadCounts) {
  EXPECT_EQ(open_backend("reference:0")->info().name, "reference");
  EXPECT_NE(refusal("reference:7", 0, ErrorCode::kBackendUnavailable).find("'7'"), std::string::npos);
  EXPECT_NE(refusal("reference", -1, ErrorCode::kInvalidArgument).find("threads"), std::string::npos);
}

// Every backend allocates with the promised alignment, nothing at all included, and survives refusing.
TEST(Backends, MemoryOfEveryBackend) {
  for (const BackendEntry* entry : registered_backends()) {
    if (!entry->probe()) continue;
    const auto backend = open_backend(entry->name);
    EXPECT_EQ(backend->allocate(0)->bytes(), 0u);
    EXPECT_EQ(backend->allocate(12345, MemoryUse::kRarelyWritten)->bytes(), 12345u);
    try {
      backend->allocate(std::uint64_t{1} << 60);
      ADD_FAILURE() << entry->name << " allocated 2^60 bytes";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    }
    EXPECT_EQ(backend->allocate(1)->bytes(), 1u);
  }
}

}  // namespace
}  // namespace polysem
