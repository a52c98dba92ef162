#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace polysem::vulkan {

/// A compute shader of this build: SPIR-V that glslc made of shaders/<name>.comp.
struct Shader {
  std::string_view name;
  std::span<const std::uint32_t> words;
};

/// All of them, by name.
std::span<const Shader> shaders();

/// Whether this build has it: some need a newer compiler than others.
bool has_shader(std::string_view name);

/// Index in shaders(). Throws std::logic_error where there is none of this name.
std::size_t shader_index(std::string_view name);

}  // namespace polysem::vulkan
