// Compiled shaders are kept on disk from one process to the next, and no file there can do harm.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tests/conformance/two_steps.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/vulkan/environment.hpp"

namespace polysem {
namespace {

namespace fs = std::filesystem;
using test::EnvironmentVariable;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  if (fs::exists(folder))
    for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  return files;
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<float> trained() { return test::two_steps(*open_backend(test::kSoftwareDevice)).w_dec; }

TEST(VulkanPipelineCache, IsWrittenUsedAndMendedWhereDamaged) {
  const test::TemporaryFolder folder;
  const EnvironmentVariable cache("POLYSEM_CACHE", folder.path().string());
  const std::vector<float> expected = trained();
  const auto files = files_in(folder / "vulkan");
  ASSERT_EQ(files.size(), 1u);
  const std::string whole = read(files[0]);
  ASSERT_GE(whole.size(), 64u + 32u);  // a hash, and the header that Vulkan asks of every cache

  EXPECT_EQ(trained(), expected);  // with what was stored
  EXPECT_EQ(files_in(folder / "vulkan"), files) << "nothing else is left behind";
  std::string turned = whole;
  turned[turned.size() / 2] ^= 1;
  for (const std::string& damaged : {turned, whole.substr(0, 70), std::string("x"), std::string()}) {
    std::ofstream(files[0], std::ios::binary) << damaged;
    EXPECT_EQ(trained(), expected);
    EXPECT_EQ(read(files[0]).size(), whole.size()) << "not mended";
  }
}

TEST(VulkanPipelineCache, MayBeImpossibleToWrite) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "file") << "no folder";
  const EnvironmentVariable cache("POLYSEM_CACHE", (folder / "file").string());
  EXPECT_FALSE(trained().empty());
}

}  // namespace
}  // namespace polysem
