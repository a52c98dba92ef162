#include "backends/cuda/staging.hpp"

#include "backends/cuda/errors.hpp"

namespace polysem::cuda {

Staging::Block::Block() {
  void* data = nullptr;
  check(cudaHostAlloc(&data, kBlock, cudaHostAllocDefault), "cudaHostAlloc");
  data_ = static_cast<std::byte*>(data);
  if (const cudaError_t result = cudaEventCreateWithFlags(&left_, cudaEventDisableTiming);
      result != cudaSuccess) {
    cudaFreeHost(data_);
    fail(result, "cudaEventCreate");
  }
}

Staging::Block::~Block() {
  cudaEventDestroy(left_);
  cudaFreeHost(data_);
}

void Staging::Block::leave(cudaStream_t stream) { check(cudaEventRecord(left_, stream), "cudaEventRecord"); }

void Staging::Block::wait() const { check(cudaEventSynchronize(left_), "cudaEventSynchronize"); }

bool Staging::Block::is_free() const {
  const cudaError_t state = cudaEventQuery(left_);
  if (state == cudaErrorNotReady) {
    cudaGetLastError();
    return false;
  }
  check(state, "cudaEventQuery");
  return true;
}

void Staging::enter_free_block() {
  if (blocks_.empty() || (blocks_.size() < kMostBlocks && !blocks_.front().is_free())) {
    blocks_.emplace_back();
    return;
  }
  blocks_.front().wait();
  blocks_.splice(blocks_.end(), blocks_, blocks_.begin());
}

std::span<std::byte> Staging::take(std::size_t bytes, cudaStream_t stream) {
  constexpr std::size_t kAlignment = 64;
  const std::size_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (used_ + size > kBlock) {
    if (!blocks_.empty()) blocks_.back().leave(stream);
    enter_free_block();
    used_ = 0;
  }
  const std::span<std::byte> piece(blocks_.back().data() + used_, bytes);
  used_ += size;
  return piece;
}

}  // namespace polysem::cuda
