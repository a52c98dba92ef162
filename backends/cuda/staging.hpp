#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace polysem::cuda {

/// Pinned host memory that transfers of one stream go through, in pieces: a ring of blocks, each given out
/// bit by bit and used again when the copies out of it have run.
class Staging {
 public:
  static constexpr std::size_t kBlock = std::size_t{8} << 20;  ///< the largest piece

  Staging() = default;
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// Memory for `bytes` <= kBlock, which nothing reads or writes any more. What the caller enqueues on
  /// `stream` before the next take() may use it.
  std::span<std::byte> take(std::size_t bytes, cudaStream_t stream);

 private:
  struct Block {
    std::byte* data = nullptr;
    cudaEvent_t free = nullptr;  ///< recorded when the block was left
  };
  void enter(Block& block);

  std::array<Block, 3> blocks_{};
  std::size_t current_ = 0, used_ = 0;
};

}  // namespace polysem::cuda
