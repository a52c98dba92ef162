// Objects in static variables outlive the drivers.
#include <gtest/gtest.h>

#include "polysem/executor.hpp"
#include "tests/vulkan/environment.hpp"

namespace polysem {
namespace {

/// Goes after main has ended, when drivers have been taken down.
struct Kept {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Executor> executor;
  Array array;
} kept;

// A crash at the end of the process fails this test: ctest runs each in a process of its own.
TEST(VulkanKeptBackend, MayOutliveMain) {
  kept.backend = open_backend(test::kSoftwareDevice);
  kept.executor = std::make_unique<Executor>(*kept.backend);
  kept.array = kept.executor->zeros(10, 10);
  kept.executor->run(Fill{10, 10, 2.0f}, {.out = kept.array});
  kept.executor->submit();
  EXPECT_EQ(kept.executor->download_f32(kept.array), std::vector<float>(100, 2.0f));
}

}  // namespace
}  // namespace polysem
