#include "backends/vulkan/settings.hpp"

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "polysem/error.hpp"

namespace polysem::vulkan {

namespace {

std::optional<std::uint64_t> number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  const std::string_view view(text);
  std::uint64_t value = 0;
  const auto [end, wrong] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (wrong != std::errc() || end != view.data() + view.size())
    throw Error(ErrorCode::kInvalidArgument,
                std::string(name) + " must be a whole number, found '" + std::string(view) + "'");
  return value;
}

}  // namespace

Settings Settings::from_environment() {
  Settings s;
  s.validate = number("POLYSEM_VK_VALIDATE").value_or(0) != 0;
  s.empty_shaders = number("POLYSEM_VK_EMPTY").value_or(0) != 0;
  s.cooperative = number("POLYSEM_VK_COOPMAT");
  s.max_range = number("POLYSEM_VK_MAX_RANGE");
  s.max_block = number("POLYSEM_VK_MAX_ALLOC");
  s.drop_barrier = number("POLYSEM_VK_DROP_BARRIER");
  s.fail_call = number("POLYSEM_VK_FAIL_CALL");
  s.lose_device = number("POLYSEM_VK_LOSE_DEVICE");
  s.max_work = number("POLYSEM_VK_MAX_WORK");
  return s;
}

}  // namespace polysem::vulkan
