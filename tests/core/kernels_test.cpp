// The tables of the other instruction sets exist where this is defined for the library, too: CMakeLists.txt
// of tests.
#include "lib/core/kernels.hpp"

#include <gtest/gtest.h>

#include "tests/core/test_model.hpp"

namespace polysem::core::testing {
namespace {

std::vector<const Kernels*> runnable() {
  std::vector<const Kernels*> list = {&kKernels, &choose_kernels()};
#ifdef POLYSEM_CORE_DISPATCH
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) list.push_back(&kKernelsAvx2);
#endif
  return list;
}

/// The fixed order, as core.h and kernels.hpp state it.
float sum_in_order(const std::vector<float>& products) {
  float lanes[16] = {};
  for (std::size_t i = 0; i < products.size(); ++i) lanes[i % 16] += products[i];
  for (std::size_t half = 8; half > 0; half /= 2)
    for (std::size_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  return lanes[0];
}

TEST(CoreKernels, ASumHasTheSameBitsWithAnyInstructions) {
  Numbers numbers(2);
  for (const std::uint32_t d : {32u, 64u, 576u})
    for (int dtype = POLYSEM_F32; dtype <= POLYSEM_INT4; ++dtype) {
      const std::size_t rows = 11,
                        bytes = static_cast<std::size_t>(row_bytes(static_cast<std::uint8_t>(dtype), d));
      Rows made = make_rows(numbers, static_cast<polysem_dtype>(dtype), rows, d);
      std::vector<float> x = numbers.vector(d);
      for (float& value : x) value = value * 1.37f + 0.01f;  // so that products are rounded
      for (const Kernels* kernels : runnable()) {
        std::vector<float> out(rows), single(rows);
        kernels->dot[dtype](made.bytes.data(), bytes, rows, x.data(), d, out.data());
        for (std::size_t r = 0; r < rows; ++r) {
          kernels->dot[dtype](made.bytes.data() + r * bytes, bytes, 1, x.data(), d, &single[r]);
          std::vector<float> products(d);
          for (std::size_t i = 0; i < d; ++i) {
            double weight = made.values[r * d + i];
            if (!made.scales.empty()) weight = std::round(weight / made.scales[r]);
            products[i] = static_cast<float>(weight) * x[i];
          }
          ASSERT_EQ(out[r], sum_in_order(products)) << dtype << " " << d;
          ASSERT_EQ(single[r], out[r]);
          // And y + c * row, element by element.
          std::vector<float> y = x;
          kernels->add_row[dtype](made.bytes.data() + r * bytes, 0.3f, d, y.data());
          for (std::size_t i = 0; i < d; ++i) {
            double weight = made.values[r * d + i];
            if (!made.scales.empty()) weight = std::round(weight / made.scales[r]);
            const float product = 0.3f * static_cast<float>(weight);
            ASSERT_EQ(y[i], x[i] + product);
          }
        }
      }
    }
}

// Every half-precision number that is finite, subnormal ones too.
TEST(CoreKernels, HalfPrecisionIsExact) {
  for (const Kernels* kernels : runnable())
    for (std::uint32_t begin = 0; begin < 0x10000; begin += 32) {
      if ((begin & 0x7c00) == 0x7c00) continue;
      std::uint16_t halves[32];
      float y[32] = {};
      for (std::uint32_t i = 0; i < 32; ++i) halves[i] = static_cast<std::uint16_t>(begin + i);
      kernels->add_row[POLYSEM_F16](reinterpret_cast<const unsigned char*>(halves), 1, 32, y);
      for (std::uint32_t i = 0; i < 32; ++i) {
        const std::uint32_t half = begin + i, exponent = half >> 10 & 31, fraction = half & 1023;
        const double magnitude = exponent == 0 ? std::ldexp(fraction, -24)
                                               : std::ldexp(1024 + fraction, static_cast<int>(exponent) - 25);
        ASSERT_EQ(y[i], half >> 15 ? -magnitude : magnitude);
      }
    }
}

TEST(CoreKernels, ATileIsAMatrixProduct) {
  for (const Kernels* kernels : runnable()) {
    const std::size_t d = 37, rows = kernels->tile_rows, positions = kernels->tile_positions;
    Numbers numbers(3);
    const auto a = numbers.vector(rows * 64), panel = numbers.vector(d * positions);
    std::vector<float> out(rows * positions);
    kernels->tile(a.data(), 64, panel.data(), d, out.data());
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t p = 0; p < positions; ++p) {
        double sum = 0;
        for (std::size_t i = 0; i < d; ++i)
          sum += static_cast<double>(a[r * 64 + i]) * panel[i * positions + p];
        ASSERT_NEAR(out[r * positions + p], sum, 1e-5);
      }
  }
}

}  // namespace
}  // namespace polysem::core::testing
