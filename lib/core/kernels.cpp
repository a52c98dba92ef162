#include "lib/core/kernels.hpp"

#include "lib/core/kernel_code.hpp"

#ifdef __aarch64__
#include <arm_neon.h>
#endif
#ifdef POLYSEM_CORE_DISPATCH
#include <cpuid.h>
#endif

namespace polysem::core {

namespace {

#if defined(__SSE2__) || defined(__aarch64__)
struct Plain {
  using V = VectorOf<4>::Type;
  static constexpr std::size_t kWidth = 4, kGroup = 16;
#ifdef __aarch64__
  static constexpr std::size_t kRows = 4, kTileRows = 6, kTileVectors = 4;
  static V fma(float a, V b, V c) { return (V)vfmaq_n_f32((float32x4_t)c, (float32x4_t)b, a); }
#else
  static constexpr std::size_t kRows = 2, kTileRows = 6, kTileVectors = 2;
  static V fma(float a, V b, V c) { return a * b + c; }
#endif
#else
// Without vectors: four sums at a time stay in registers.
struct Plain {
  using V = float;
  static constexpr std::size_t kWidth = 1, kGroup = 4, kRows = 1, kTileRows = 3, kTileVectors = 4;
  static V fma(float a, V b, V c) { return a * b + c; }
#endif

  template <int kType>
  static void load(const unsigned char* row, std::size_t lane, V* to) {
    if constexpr (kType == POLYSEM_F32) {
      load_floats<Plain>(row, lane, to);
#ifdef __aarch64__
    } else if constexpr (kType == POLYSEM_INT8) {
      const int8x16_t bytes = vld1q_s8(reinterpret_cast<const signed char*>(row) + lane);
      const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
      to[0] = (V)vcvtq_f32_s32(vmovl_s16(vget_low_s16(low)));
      to[1] = (V)vcvtq_f32_s32(vmovl_high_s16(low));
      to[2] = (V)vcvtq_f32_s32(vmovl_s16(vget_low_s16(high)));
      to[3] = (V)vcvtq_f32_s32(vmovl_high_s16(high));
#endif
    } else {
      load_plainly<Plain, kType>(row, lane, to);
    }
  }
};

#ifdef POLYSEM_CORE_DISPATCH
// What the system saves of the vector registers when it switches tasks.
std::uint32_t saved_registers() {
  std::uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

const Kernels* chosen_for_x86() {
  constexpr std::uint32_t kOsxsave = 1u << 27, kFma = 1u << 12, kF16c = 1u << 29;  // of leaf 1, ecx
  constexpr std::uint32_t kAvx2 = 1u << 5,
                          kAvx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;  // F, DQ, BW, VL
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr std::uint32_t kNeeded = kOsxsave | kFma | kF16c;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kNeeded) != kNeeded) return nullptr;
  const std::uint32_t saved = saved_registers();
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (b & kAvx2) == 0 || (saved & 0x6) != 0x6)
    return nullptr;
  return (b & kAvx512) == kAvx512 && (saved & 0xe6) == 0xe6 ? &kKernelsAvx512 : &kKernelsAvx2;
}
#endif

}  // namespace

extern constexpr Kernels kKernels = kernels_of<Plain>();

const Kernels& choose_kernels() {
#ifdef POLYSEM_CORE_DISPATCH
  if (const Kernels* found = chosen_for_x86()) return *found;
#endif
  return kKernels;
}

}  // namespace polysem::core
