#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>

namespace polysem::cuda {

/// Pinned host memory that transfers of one stream go through, in pieces: a ring of blocks, each given out
/// bit by bit and used again when the copies out of it have run. The ring grows, up to a limit, while copies
/// wait behind other work: so a batch is staged while the step before it still runs.
class Staging {
 public:
  static constexpr std::size_t kBlock = std::size_t{8} << 20;  ///< the largest piece
  static constexpr std::size_t kMostBlocks = 8;

  /// Memory for `bytes` <= kBlock, which nothing reads or writes any more. What the caller enqueues on
  /// `stream` before the next take() may use it.
  std::span<std::byte> take(std::size_t bytes, cudaStream_t stream);

 private:
  class Block {
   public:
    Block();
    ~Block();
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    std::byte* data() const noexcept { return data_; }
    void leave(cudaStream_t stream);
    bool is_free() const;
    void wait() const;

   private:
    std::byte* data_ = nullptr;
    cudaEvent_t left_ = nullptr;
  };

  void enter_free_block();

  std::list<Block> blocks_;  ///< the last is in use; the others were left, the first of them first
  std::size_t used_ = kBlock;
};

}  // namespace polysem::cuda
