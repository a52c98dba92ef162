#pragma once

#include "backends/vulkan/ops.hpp"

namespace polysem::vulkan {

/// Sorted codes with the weights and the rows that they sum (shaders/latent_list.glsl): five bindings, and
/// the push constants of LIST_PUSH.
struct LatentList {
  struct Push {
    std::uint32_t begin_first, entries_first, rows_first, weights_first, source_first, source_stride;
    float scale;
  };
  View begin, entries, rows, weights, source;
  Push push{};

  static LatentList make(const Scope& s, const Tensor& begin, const Tensor& entries, const Tensor& rows,
                         const Tensor& weights, const Tensor& source, float scale) {
    LatentList list{s.view(begin), s.view(entries), s.view(rows), s.view(weights), s.view(source), {}};
    list.push = {list.begin.first,
                 list.entries.first,
                 list.rows.first,
                 list.weights.first,
                 list.source.first,
                 list.source.stride,
                 scale};
    return list;
  }
};

/// Whether a binding covers the matrix that lists sum rows of.
inline Support source_fits(const Device& device, std::int64_t rows, std::int64_t cols) {
  if (static_cast<double>(rows) * static_cast<double>(cols) > static_cast<double>(cols_in_range(device)))
    return Support::no("the batch is larger than what a shader of this device sees");
  return Support::yes();
}

/// out [1, latents] = sums of weights, of the second list too where it is there.
void record_bias_grad(const Scope& s, std::int64_t latents, const LatentList& main, const LatentList& aux,
                      const Tensor& out, bool accumulate);

}  // namespace polysem::vulkan
