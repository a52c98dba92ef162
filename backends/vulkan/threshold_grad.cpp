#include "backends/vulkan/ops.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t latents, capacity, begin_first, entries_first, values_first, gradient_first, threshold_first,
      out_first;
  float penalty;
};

}  // namespace

void record(const Scope& s, const ThresholdGrad& op, const ThresholdGrad::Operands& t) {
  static const std::size_t shader = shader_index("threshold_grad");
  const View begin = s.view(t.begin), entries = s.view(t.entries), values = s.view(t.values),
             gradient = s.view(t.gradient), threshold = s.view(t.threshold), out = s.view(t.out);
  const Push push{u32(op.latents), u32(op.capacity), begin.first, entries.first, values.first,
                  gradient.first,  threshold.first,  out.first,   op.penalty};
  s.recording.dispatch(
      shader, {},
      {{reads(begin), reads(entries), reads(values), reads(gradient), reads(threshold), writes(out)}}, push,
      s.elements_grid(op.latents));
}

}  // namespace polysem::vulkan
