#pragma once

#include "backends/cuda/block.cuh"
#include "backends/cuda/rows.cuh"

namespace polysem::cuda {

/// Codes sorted by latent (as TransposeCodes writes them) with the weights and the rows that they sum.
/// Default-made: an empty list.
struct LatentList {
  const std::int32_t* begin = nullptr;
  const std::int32_t* entries = nullptr;
  const std::int32_t* rows = nullptr;
  const float* weights = nullptr;
  Rows source;
  std::int64_t capacity = 0, source_rows = 0;
  float scale = 1.0f;

  LatentList() = default;
  LatentList(const Tensor& begin_, const Tensor& entries_, const Tensor& rows_, const Tensor& weights_,
             const Tensor& source_, float scale_)
      : begin(pointer_of<const std::int32_t>(begin_)),
        entries(pointer_of<const std::int32_t>(entries_)),
        rows(pointer_of<const std::int32_t>(rows_)),
        weights(pointer_of<const float>(weights_)),
        source(source_),
        capacity(entries_.cols),
        source_rows(source_.rows),
        scale(scale_) {}

  /// Where latent j's entries begin; they end where those of j + 1 do.
  __device__ std::int64_t first(std::int64_t j) const {
    if (begin == nullptr) return 0;
    const std::int64_t i = begin[j];
    return i < 0 ? 0 : i < capacity ? i : capacity;
  }
};

/// Weights and rows of some entries of a list, in shared memory.
struct StagedEntries {
  float weight[kThreads];
  std::int32_t row[kThreads];
};

/// Columns that a thread sums at a time, so that many loads are under way.
inline constexpr int kColumnsEach = 4;

/// Adds scale * sum of weight * source[row] over latent j's entries to sums[0, count) for the columns from
/// `column` on. The whole block of kThreads does it; a thread adds to its own sums alone: those at its number
/// and every kThreads further on.
__device__ inline void add_latent_sums(const LatentList& list, std::int64_t j, std::int64_t column,
                                       std::int64_t count, float* sums, StagedEntries& staged) {
  if (list.source_rows == 0) return;
  const std::int64_t begin = list.first(j), end = list.first(j + 1);
  for (std::int64_t base = begin; base < end; base += kThreads) {
    const std::int64_t i = base + threadIdx.x;
    float weight = 0.0f;
    std::int32_t row = 0;
    if (i < end) {
      const std::int64_t entry = list.entries[i], from = list.rows[i];
      if (entry >= 0 && entry < list.capacity && from >= 0 && from < list.source_rows) {
        weight = list.scale * list.weights[entry];
        row = list.rows[i];
      }
    }
    staged.weight[threadIdx.x] = weight;
    staged.row[threadIdx.x] = row;
    __syncthreads();
    const int here = static_cast<int>(end - base < kThreads ? end - base : kThreads);
    for (std::int64_t c = threadIdx.x; c < count; c += kColumnsEach * kThreads) {
      float sum[kColumnsEach];
#pragma unroll
      for (int q = 0; q < kColumnsEach; ++q)
        sum[q] = c + q * kThreads < count ? sums[c + q * kThreads] : 0.0f;
#pragma unroll 4
      for (int e = 0; e < here; ++e) {
#pragma unroll
        for (int q = 0; q < kColumnsEach; ++q)
          if (c + q * kThreads < count)
            sum[q] += staged.weight[e] * list.source(staged.row[e], column + c + q * kThreads);
      }
#pragma unroll
      for (int q = 0; q < kColumnsEach; ++q)
        if (c + q * kThreads < count) sums[c + q * kThreads] = sum[q];
    }
    __syncthreads();
  }
}

/// out[j] = sum of the weights of latent j's entries in both lists, on top of what is there with
/// `accumulate`.
void enqueue_weight_sums(const Scope& s, std::int64_t latents, const LatentList& main, const LatentList& aux,
                         float* out, bool accumulate);

}  // namespace polysem::cuda
