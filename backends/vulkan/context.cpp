#include "backends/vulkan/context.hpp"

namespace polysem::vulkan {

std::unique_ptr<Recording> Context::take_recording() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto recording = std::move(idle_.back());
      idle_.pop_back();
      return recording;
    }
  }
  return std::make_unique<Recording>(device_, pipelines_);
}

void Context::give_back(std::unique_ptr<Recording> recording) {
  recording->reset();
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(recording));
}

}  // namespace polysem::vulkan
