#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "backends/cuda/device.hpp"
#include "backends/cuda/stream.hpp"

namespace polysem::cuda {

/// What a backend and its queues share: the device, and streams that wait to be used again.
class Context {
 public:
  explicit Context(Device device) : device_(std::move(device)) {}

  const Device& device() const noexcept { return device_; }
  /// Makes the device the calling thread's.
  void use() const;
  std::unique_ptr<Stream> take_stream();
  /// Its work has ended well.
  void give_back(std::unique_ptr<Stream> stream);

 private:
  Device device_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Stream>> idle_;
};

}  // namespace polysem::cuda
