#include "backends/vulkan/shaders.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace polysem::vulkan {

bool has_shader(std::string_view name) {
  return std::ranges::any_of(shaders(), [&](const Shader& shader) { return shader.name == name; });
}

std::size_t shader_index(std::string_view name) {
  const auto all = shaders();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].name == name) return i;
  throw std::logic_error("there is no shader " + std::string(name));
}

}  // namespace polysem::vulkan
