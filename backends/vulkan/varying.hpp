#pragma once

#include "backends/vulkan/ops.hpp"

namespace polysem::vulkan {

/// What shaders/varying.glsl needs to tell which pre-activations of some rows become entries: bindings 0 to 3
/// and the push constants of VARYING_PUSH.
struct Varying {
  struct Push {
    std::uint32_t rows, n, h_first, h_stride, bad_first, per_latent_first, has_per_latent, state_first;
    float half_band;
  };
  View h, bad, per_latent, state;
  Push push{};

  static Varying make(const Scope& s, const Tensor& h, const Tensor& bad, const Tensor& per_latent,
                      const Tensor& state, float half_band) {
    Varying v{s.view(h), s.view(bad), s.view(per_latent), s.view(state), {}};
    v.push = {u32(h.rows),        u32(h.cols),          v.h.first,     v.h.stride, v.bad.first,
              v.per_latent.first, per_latent ? 1u : 0u, v.state.first, half_band};
    return v;
  }
};

/// counts [2, all rows] from `row` on: entries of either kind.
void record_varying_count(const Scope& s, bool batch, const Varying& v, const Tensor& counts,
                          std::int64_t row);

/// One list of entries that is being written.
struct VaryingList {
  View starts, ties_before, values, ids;
  std::int64_t capacity = 0;
  bool band = false;
  float band_value = 0.0f;
};
void record_varying_fill(const Scope& s, bool batch, const Varying& v, const VaryingList& list);

}  // namespace polysem::vulkan
