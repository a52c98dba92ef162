#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, first_row, features, batch, sets, set_size, symmetric;
  std::uint32_t density_first, density_stride, out_first, out_stride;
  std::uint32_t key_low, key_high, stream, first_low, first_high;
};

}  // namespace

Support limits_of(const Device& device, const FeatureFill& op) {
  return list_fits(device, op.instances * op.features);
}

void record(const Scope& s, const FeatureFill& op, const FeatureFill::Operands& t) {
  static const std::size_t shader = shader_index("feature_fill");
  each_window(s.device, op.instances * op.features, op.batch, {t.out}, [&](const Window& w) {
    const View density = s.view(t.density), out = s.view(w.of(t.out));
    const std::uint64_t first = op.first + static_cast<std::uint64_t>(w.row * op.batch + w.col);
    const Push push{u32(w.rows),
                    u32(w.cols),
                    u32(w.row),
                    u32(op.features),
                    u32(op.batch),
                    static_cast<std::uint32_t>(op.sets),
                    u32(op.set_size),
                    op.symmetric ? 1u : 0u,
                    density.first,
                    density.stride,
                    out.first,
                    out.stride,
                    static_cast<std::uint32_t>(op.seed),
                    static_cast<std::uint32_t>(op.seed >> 32),
                    static_cast<std::uint32_t>(op.stream),
                    static_cast<std::uint32_t>(first),
                    static_cast<std::uint32_t>(first >> 32)};
    s.recording.dispatch(shader, {}, {{reads(density), writes(out)}}, push, s.elements_grid(w.rows * w.cols));
  });
}

}  // namespace polysem::vulkan
