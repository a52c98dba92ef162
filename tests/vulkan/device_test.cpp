// Which device an option means, and what is said where there is none.
#include <gtest/gtest.h>

#include "polysem/backend.hpp"
#include "polysem/error.hpp"
#include "tests/vulkan/environment.hpp"

namespace polysem {
namespace {

using test::EnvironmentVariable;

std::string refusal(const std::string& name) {
  try {
    open_backend(name);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBackendUnavailable) << error.what();
    return error.what();
  }
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(VulkanDevice, OpensByNameInAnyCaseAndByNumber) {
  const auto by_name = open_backend("vulkan:LLVMpipe");
  EXPECT_TRUE(contains(by_name->info().device, "llvmpipe"));
  EXPECT_TRUE(contains(by_name->info().driver, "Vulkan 1."));
  const EnvironmentVariable only("VK_ICD_FILENAMES", test::software_driver());
  EXPECT_EQ(open_backend("vulkan:0")->info().device, by_name->info().device);
  EXPECT_TRUE(contains(refusal("vulkan:1"), "0: llvmpipe"));
}

TEST(VulkanDevice, SoftwareHasToBeNamed) {
  const EnvironmentVariable only("VK_ICD_FILENAMES", test::software_driver());
  EXPECT_TRUE(contains(refusal("vulkan"), "vulkan:llvmpipe"));
}

TEST(VulkanDevice, UnknownNamesListTheDevices) {
  const std::string message = refusal("vulkan:abacus");
  EXPECT_TRUE(contains(message, "'abacus'") && contains(message, "llvmpipe")) << message;
}

TEST(VulkanDevice, WithoutADriverItIsUnavailable) {
  const EnvironmentVariable nothing("VK_ICD_FILENAMES", "/nonexistent.json");
  EXPECT_TRUE(contains(refusal("vulkan"), "no Vulkan driver"));
  EXPECT_TRUE(contains(refusal(test::kSoftwareDevice), "no Vulkan driver"));
}

TEST(VulkanDevice, RefusesSettingsThatAreNoNumbers) {
  const EnvironmentVariable bad("POLYSEM_VK_MAX_RANGE", "much");
  EXPECT_THROW(open_backend(test::kSoftwareDevice), Error);
}

// Blocks are cut up, joined again, and given back where they were made for one.
TEST(VulkanDevice, MemoryIsUsedAgain) {
  const EnvironmentVariable limit("POLYSEM_VK_MAX_ALLOC", std::to_string(1 << 20));
  const auto backend = open_backend(test::kSoftwareDevice);
  std::vector<std::shared_ptr<Buffer>> kept;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 20; ++i)
      kept.push_back(backend->allocate(static_cast<std::uint64_t>(997 * i * (round % 7))));
    for (std::size_t i = round % 2; i < kept.size(); i += 2) kept[i].reset();
    if (round % 5 == 4) kept.clear();
  }
  EXPECT_EQ(backend->allocate(1 << 20)->bytes(), 1u << 20);
  EXPECT_THROW(backend->allocate((1 << 20) + 1), Error);
}

}  // namespace
}  // namespace polysem
