#include <bit>
#include <cmath>
#include <limits>

#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/windows.hpp"

namespace polysem::vulkan {

namespace {

struct Push {
  std::uint32_t rows, cols, first, stride, bits;
};

// Values that the integer type lacks go to its nearest end, NaN to 0.
template <class T>
std::uint32_t integer_bits(float value) {
  const double low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  return static_cast<std::uint32_t>(
      static_cast<T>(std::isnan(value) ? 0.0 : std::clamp<double>(value, low, high)));
}

std::uint32_t bits_of(float value, DType type) {
  if (type == DType::kI32) return integer_bits<std::int32_t>(value);
  if (type == DType::kU32) return integer_bits<std::uint32_t>(value);
  if (type == DType::kBF16) return to_bf16(value);
  return type == DType::kF16 ? to_f16(value) : std::bit_cast<std::uint32_t>(value);
}

}  // namespace

void record(const Scope& s, const Fill& op, const Fill::Operands& t) {
  static const std::size_t shader = shader_index("fill");
  each_window(s.device, op.rows, op.cols, {t.out}, [&](const Window& w) {
    const View out = s.view(w.of(t.out));
    const Push push{u32(w.rows), u32(w.cols), out.first, out.stride, bits_of(op.value, t.out.dtype)};
    s.recording.dispatch(shader, {out.type != kF32Element}, {{writes(out)}}, push,
                         s.elements_grid(w.rows * w.cols));
  });
}

}  // namespace polysem::vulkan
