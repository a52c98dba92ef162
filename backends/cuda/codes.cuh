#pragma once

#include "backends/cuda/launch.cuh"

namespace polysem::cuda {

/// Sparse codes (SparseCodes) on the device. Bounds are kept even where offsets and ids make no sense.
struct Codes {
  const float* values;
  const std::int32_t* ids;
  const std::int32_t* row_offsets;
  std::int64_t k, capacity, latents;

  template <class O>
  static Codes of(const O& op, const typename O::Operands& t) {
    return {pointer_of<const float>(t.values),
            pointer_of<const std::int32_t>(t.ids),
            op.k > 0 ? nullptr : pointer_of<const std::int32_t>(t.row_offsets),
            op.k,
            op.capacity,
            op.latents};
  }

  __device__ std::int64_t begin(std::int64_t row) const {
    const std::int64_t first = k > 0 ? row * k : row_offsets[row];
    return first < 0 ? 0 : first < capacity ? first : capacity;
  }
  __device__ std::int64_t end(std::int64_t row) const { return begin(row + 1); }
  /// The latent of an entry, or -1 where there is no such latent.
  __device__ std::int64_t latent(std::int64_t entry) const {
    const std::int64_t id = ids[entry];
    return id >= 0 && id < latents ? id : -1;
  }
};

}  // namespace polysem::cuda
