#include "backends/vulkan/adam_constants.hpp"
#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, g_first, g_stride, w_first, w_stride, m_first, m_stride, v_first, v_stride;
  float grad_scale;
  AdamConstants adam;
};

}  // namespace

void record(const Scope& s, const AdamUpdate& op, const AdamUpdate::Operands& t) {
  static const std::size_t shader = shader_index("adam_update");
  each_window(s.device, op.rows, op.cols, {t.gradient, t.parameter, t.m, t.v}, [&](const Window& w) {
    const View gradient = s.view(w.of(t.gradient)), weight = s.view(w.of(t.parameter)), m = s.view(w.of(t.m)),
               v = s.view(w.of(t.v));
    const Push push{u32(w.rows),  u32(w.cols),   gradient.first, gradient.stride,
                    weight.first, weight.stride, m.first,        m.stride,
                    v.first,      v.stride,      op.grad_scale,  adam_constants(op.adam)};
    s.recording.dispatch(shader, {}, {{reads(gradient), reads(weight), writes(weight), writes(m), writes(v)}},
                         push, s.elements_grid(w.rows * w.cols));
  });
}

}  // namespace polysem::vulkan
