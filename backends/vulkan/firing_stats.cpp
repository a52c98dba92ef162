#include "backends/vulkan/ops.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t latents, rows, dense, begin_first, counts_first, fired_first, since_first;
};

}  // namespace

void record(const Scope& s, const FiringStats& op, const FiringStats::Operands& t) {
  static const std::size_t shader = shader_index("firing_stats");
  const View begin = s.view(t.begin), counts = s.view(t.counts), fired = s.view(t.fired),
             since = s.view(t.since);
  const Push push{u32(op.latents), u32(op.rows), counts ? 1u : 0u, begin.first,
                  counts.first,    fired.first,  since.first};
  s.recording.dispatch(
      shader, {}, {{reads(begin), reads(counts), reads(fired), writes(fired), reads(since), writes(since)}},
      push, s.elements_grid(op.latents));
}

}  // namespace polysem::vulkan
