#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, out_first, out_stride;
  std::uint32_t normal;
  float scale, shift;
  std::uint32_t key_low, key_high, stream, substream, first_low, first_high;
};

}  // namespace

// A window of less than whole rows has one row (each_window), so that its numbers follow one another.
void record(const Scope& s, const RandomFill& op, const RandomFill::Operands& t) {
  static const std::size_t shader = shader_index("random_fill");
  each_window(s.device, op.rows, op.cols, {t.out}, [&](const Window& w) {
    const View out = s.view(w.of(t.out));
    const std::uint64_t first = op.first + static_cast<std::uint64_t>(w.row * op.cols + w.col);
    const Push push{u32(w.rows),
                    u32(w.cols),
                    out.first,
                    out.stride,
                    op.kind == RandomFill::Kind::kNormal ? 1u : 0u,
                    op.scale,
                    op.shift,
                    static_cast<std::uint32_t>(op.seed),
                    static_cast<std::uint32_t>(op.seed >> 32),
                    static_cast<std::uint32_t>(op.stream),
                    op.substream,
                    static_cast<std::uint32_t>(first),
                    static_cast<std::uint32_t>(first >> 32)};
    s.recording.dispatch(shader, {}, {{writes(out)}}, push, s.elements_grid(w.rows * w.cols));
  });
}

}  // namespace polysem::vulkan
