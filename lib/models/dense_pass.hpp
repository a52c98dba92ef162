#pragma once

#include "lib/models/coder_update.hpp"

namespace polysem {

/// Forward and backward pass of ReLU codes that are too dense for lists: plain products, in chunks of rows so
/// that memory stays bounded. The same gradients as the sparse path up to rounding.
class DensePass {
 public:
  /// Share of active latents above which a step takes dense codes. A list entry is gathered, scored and
  /// sorted: some ten times the work of one element in a blocked product. (Step of d 768, n 24576, B 4096 on
  /// 4 Zen 4 cores: lists 1.17 s in f32 and 0.74 s in bf16 at 4.7 %, dense codes 2.69 and 1.43 s at any
  /// share, so they meet at some 12 %; lists take more memory.)
  static constexpr double kDenseShare = 0.10;
  /// Below this share the next step takes sparse codes again; apart, so that the choice does not flutter.
  static constexpr double kSparseShare = 0.08;

  /// Memory for the codes of a chunk, and as much again for their gradient.
  static constexpr std::int64_t kChunkBytes = std::int64_t{24} << 20;

  DensePass(Executor& executor, const CoderConfig& config, std::int64_t batch,
            std::int64_t chunk_bytes = kChunkBytes);

  struct Batch {
    Tensor input;            ///< what the encoder reads
    Tensor x;                ///< the same in f32
    Tensor target;           ///< f32 [rows, d_out]
    Tensor error, row_loss;  ///< written: y - target, |y - target|^2
  };
  /// Writes `gradients`, errors and counts(). `penalty` is the L1 term's weight divided by the rows.
  void run(const CoderTensors& coder, const Batch& batch, float scale, float penalty,
           const LatentGradients& gradients);
  /// Rows on which each latent was active, f32 [1, latents].
  const Tensor& counts() const noexcept { return counts_; }
  /// Active latents a row.
  double l0();

 private:
  void run_chunk(const CoderTensors& coder, const Batch& chunk, bool first, float scale, float penalty,
                 const LatentGradients& gradients);

  Executor* executor_;
  CoderConfig config_;
  std::int64_t batch_, chunk_;
  Array codes_, gradient_, counts_;
};

}  // namespace polysem
