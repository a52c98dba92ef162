// Every shader of the library as the SPIR-V tools see it.
#include "backends/vulkan/shaders.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <stdexcept>

#include "tests/io/temporary_folder.hpp"

namespace polysem::vulkan {
namespace {

TEST(VulkanShaders, NamesAreUniqueAndFound) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < shaders().size(); ++i) {
    EXPECT_TRUE(names.insert(shaders()[i].name).second) << shaders()[i].name;
    EXPECT_EQ(shader_index(shaders()[i].name), i);
    EXPECT_EQ(shaders()[i].words[0], 0x07230203u) << "SPIR-V begins with its magic number";
  }
  EXPECT_THROW(shader_index("abacus"), std::logic_error);
}

TEST(VulkanShaders, AreValid) {
  if (std::system("command -v spirv-val >/dev/null") != 0) GTEST_SKIP() << "spirv-val is not installed";
  const test::TemporaryFolder folder;
  for (const Shader& shader : shaders()) {
    const auto path = folder.path() / "shader.spv";
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(shader.words.data()),
               static_cast<std::streamsize>(shader.words.size_bytes()));
    EXPECT_EQ(std::system(("spirv-val --target-env vulkan1.2 " + path.string()).c_str()), 0) << shader.name;
  }
}

}  // namespace
}  // namespace polysem::vulkan
