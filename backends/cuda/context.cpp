#include "backends/cuda/context.hpp"

#include "backends/cuda/errors.hpp"

namespace polysem::cuda {

void Context::use() const { check(cudaSetDevice(device_.number), "cudaSetDevice"); }

std::unique_ptr<Stream> Context::take_stream() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto stream = std::move(idle_.back());
      idle_.pop_back();
      return stream;
    }
  }
  use();
  return std::make_unique<Stream>(device_.number);
}

void Context::give_back(std::unique_ptr<Stream> stream) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(stream));
}

}  // namespace polysem::cuda
