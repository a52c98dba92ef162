#include "backends/vulkan/instance_parts.hpp"
#include "backends/vulkan/ops.hpp"

namespace polysem::vulkan {

namespace {

struct Push {  // as in tied.glsl
  std::uint32_t instances, features, neurons, has_noise;
  std::uint32_t w_first, w_stride, noise_first, noise_stride, back_first, losses_first;
  std::uint32_t loss_first, grad_first, grad_stride;
  float slope, l1;
};

std::int64_t step_of(const Device& device, const TiedGrad& op) {
  return instances_at_once(device, op.instances, op.features * std::max(op.features, op.neurons));
}

void record_part(const Scope& s, const TiedGrad& op, const TiedGrad::Operands& t, const Tensor& pairs_back,
                 const Tensor& pairs_loss) {
  static const std::size_t pairs = shader_index("tied_pairs"), rows = shader_index("tied_rows"),
                           sums = shader_index("tied_loss");
  const View w = s.view(t.w), noise = s.view(t.noise), loss = s.view(t.loss), grad = s.view(t.grad);
  const View back = s.view(pairs_back), losses = s.view(pairs_loss);
  const Push push{u32(op.instances), u32(op.features), u32(op.neurons), noise ? 1u : 0u,   w.first,
                  w.stride,          noise.first,      noise.stride,    back.first,        losses.first,
                  loss.first,        grad.first,       grad.stride,     op.negative_slope, op.l1};
  s.recording.dispatch(pairs, {}, {{reads(w), reads(noise), writes(back), writes(losses)}}, push,
                       s.elements_grid(op.instances * op.features * op.features));
  s.recording.dispatch(rows, {}, {{reads(w), reads(noise), reads(back), writes(grad)}}, push,
                       s.elements_grid(op.instances * op.features * op.neurons));
  s.recording.dispatch(sums, {}, {{reads(w), reads(losses), writes(loss)}}, push,
                       s.recording.rows_grid(static_cast<std::uint64_t>(op.instances)));
}

}  // namespace

std::uint64_t workspace_of(const Device& device, const TiedGrad& op) {
  return 2 * workspace_part(step_of(device, op) * op.features * op.features);
}

Support limits_of(const Device& device, const TiedGrad& op) {
  return instance_fits(device, op.features, std::max(op.features, op.neurons));
}

void record(const Scope& s, const TiedGrad& op, const TiedGrad::Operands& t) {
  const std::int64_t step = step_of(s.device, op);
  const Tensor back = s.workspace.take(step * op.features, op.features),
               losses = s.workspace.take(step * op.features, op.features);
  for (std::int64_t i = 0; i < op.instances; i += step) {
    TiedGrad part = op;
    part.instances = std::min(step, op.instances - i);
    record_part(s, part,
                {.w = t.w.row_range(i * op.features, part.instances * op.features),
                 .noise = t.noise ? t.noise.row_range(i, part.instances) : t.noise,
                 .loss = t.loss.col_range(i, part.instances),
                 .grad = t.grad.row_range(i * op.features, part.instances * op.features)},
                back, losses);
  }
}

}  // namespace polysem::vulkan
