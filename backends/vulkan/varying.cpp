#include "backends/vulkan/varying.hpp"

namespace polysem::vulkan {

namespace {

struct CountPush {
  Varying::Push varying;
  std::uint32_t counts_first, counts_stride;
};
struct FillPush {
  Varying::Push varying;
  std::uint32_t starts_first, ties_first, values_first, ids_first, capacity;
  float band_value;
};

}  // namespace

void record_varying_count(const Scope& s, bool batch, const Varying& v, const Tensor& counts,
                          std::int64_t row) {
  static const std::size_t shader = shader_index("varying_count");
  const View out = s.view(counts.col_range(row, v.push.rows));
  s.recording.dispatch(shader, {batch},
                       {{reads(v.h), reads(v.bad), reads(v.per_latent), reads(v.state), writes(out)}},
                       CountPush{v.push, out.first, out.stride}, s.recording.rows_grid(v.push.rows));
}

void record_varying_fill(const Scope& s, bool batch, const Varying& v, const VaryingList& list) {
  static const std::size_t shader = shader_index("varying_fill");
  const FillPush push{v.push,         list.starts.first,  list.ties_before.first, list.values.first,
                      list.ids.first, u32(list.capacity), list.band_value};
  s.recording.dispatch(shader, {batch, list.band},
                       {{reads(v.h), reads(v.bad), reads(v.per_latent), reads(v.state), reads(list.starts),
                         reads(list.ties_before), writes(list.values), writes(list.ids)}},
                       push, s.recording.rows_grid(v.push.rows));
}

}  // namespace polysem::vulkan
