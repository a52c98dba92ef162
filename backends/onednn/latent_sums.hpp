#pragma once

#include <vector>

#include "backends/onednn/codes.hpp"

namespace polysem::onednn {

/// Gradients of latents, summed entry by entry in ascending order. A list is cut into segments of kSegment
/// entries; the segments of a hot latent (one that fires in much of the batch) are summed by several threads
/// beforehand, and added up in their order: the same bits whoever sums them.
class LatentSums {
 public:
  static constexpr std::int64_t kSegment = 256;

  struct List {
    SortedCodes codes;
    float decoder_scale = 1.0f;
  };
  struct Shape {
    std::int64_t latents, d_in, d_out;
  };

  LatentSums(Context& context, const Shape& shape, const Rows& x, std::vector<List> lists);

  /// g_enc [d_in] and g_dec [d_out] of a latent; returns g_b.
  float sum(std::int64_t latent, float* g_enc, float* g_dec) const;

 private:
  struct Hot {
    std::size_t list;
    std::int64_t latent, first_segment, segments;
  };

  float sum_segment(const List& list, std::int64_t begin, std::int64_t end, float* g_enc, float* g_dec) const;
  std::int64_t segment_size() const { return shape_.d_in + shape_.d_out + 1; }
  void sum_hot(Context& context);
  const Hot* find_hot(std::size_t list, std::int64_t latent) const;

  Shape shape_;
  Rows x_;
  std::vector<List> lists_;
  std::vector<Hot> hot_;  // by list and latent
  float* partial_ = nullptr;
  PerThread<float> spare_;
};

}  // namespace polysem::onednn
