#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, kind;
  std::uint32_t a_first, a_stride, b_first, b_stride, b_row, b_col, out_first, out_stride;
  float alpha, beta;
};

}  // namespace

void record(const Scope& s, const Elementwise& op, const Elementwise::Operands& t) {
  static const std::size_t shader = shader_index("elementwise");
  each_window(s.device, op.rows, op.cols, {t.a, t.b, t.out}, [&](const Window& w) {
    const View a = s.view(w.of(t.a)), b = s.view(w.spread_of(t.b)), out = s.view(w.of(t.out));
    const Push push{u32(w.rows),
                    u32(w.cols),
                    static_cast<std::uint32_t>(op.kind),
                    a.first,
                    a.stride,
                    b.first,
                    b.stride,
                    op.b_rows == op.rows ? 1u : 0u,
                    op.b_cols == op.cols ? 1u : 0u,
                    out.first,
                    out.stride,
                    op.alpha,
                    op.beta};
    s.recording.dispatch(shader, {a.type, b.type, out.type}, {{reads(a), reads(b), writes(out)}}, push,
                         s.elements_grid(w.rows * w.cols));
  });
}

}  // namespace polysem::vulkan
