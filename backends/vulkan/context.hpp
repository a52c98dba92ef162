#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "backends/vulkan/recording.hpp"

namespace polysem::vulkan {

/// What a backend and its queues share: the device with its memory and pipelines, and recordings that wait to
/// be used again.
class Context {
 public:
  explicit Context(const std::string& which)
      : device_(std::make_shared<Device>(which)),
        arenas_(std::make_shared<Arenas>(device_)),
        pipelines_(std::make_shared<Pipelines>(device_)) {}

  const Device& device() const noexcept { return *device_; }
  Arenas& arenas() noexcept { return *arenas_; }

  std::unique_ptr<Recording> take_recording();
  /// Its work has ended.
  void give_back(std::unique_ptr<Recording> recording);

 private:
  std::shared_ptr<Device> device_;
  std::shared_ptr<Arenas> arenas_;
  std::shared_ptr<Pipelines> pipelines_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Recording>> idle_;
};

}  // namespace polysem::vulkan
