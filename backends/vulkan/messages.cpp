#include "backends/vulkan/messages.hpp"

#include <mutex>
#include <utility>

namespace polysem::vulkan {

namespace {
std::mutex mutex;
std::vector<std::string>& list() {
  static std::vector<std::string> messages;
  return messages;
}
}  // namespace

void Messages::add(std::string text) {
  const std::lock_guard lock(mutex);
  list().push_back(std::move(text));
}

std::vector<std::string> Messages::take() {
  const std::lock_guard lock(mutex);
  return std::exchange(list(), {});
}

}  // namespace polysem::vulkan
