#include "backends/cuda/staging.hpp"

#include "backends/cuda/errors.hpp"

namespace polysem::cuda {

Staging::~Staging() {
  for (const Block& block : blocks_) {
    if (block.free != nullptr) cudaEventDestroy(block.free);
    if (block.data != nullptr) cudaFreeHost(block.data);
  }
}

// An event that was never recorded counts as past.
void Staging::enter(Block& block) {
  if (block.data == nullptr) {
    void* data = nullptr;
    check(cudaHostAlloc(&data, kBlock, cudaHostAllocDefault), "cudaHostAlloc");
    block.data = static_cast<std::byte*>(data);
  }
  if (block.free == nullptr)
    check(cudaEventCreateWithFlags(&block.free, cudaEventDisableTiming), "cudaEventCreate");
  check(cudaEventSynchronize(block.free), "cudaEventSynchronize");
}

std::span<std::byte> Staging::take(std::size_t bytes, cudaStream_t stream) {
  constexpr std::size_t kAlignment = 64;
  const std::size_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (blocks_[current_].data == nullptr) enter(blocks_[current_]);
  if (used_ + size > kBlock) {
    check(cudaEventRecord(blocks_[current_].free, stream), "cudaEventRecord");
    current_ = (current_ + 1) % blocks_.size();
    used_ = 0;
    enter(blocks_[current_]);
  }
  const std::span<std::byte> piece(blocks_[current_].data + used_, bytes);
  used_ += size;
  return piece;
}

}  // namespace polysem::cuda
