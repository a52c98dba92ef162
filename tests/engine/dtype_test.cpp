#include "polysem/dtype.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>

namespace polysem {
namespace {

// A 16-bit float by its definition: sign, exponent, fraction.
double decode(std::uint16_t bits, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1)
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits);
}

struct Format {
  const char* name;
  int exponent_bits;
  std::uint16_t (*to)(float) noexcept;
  float (*from)(std::uint16_t) noexcept;
};

void PrintTo(const Format& format, std::ostream* out) { *out << format.name; }

class HalfFormats : public testing::TestWithParam<Format> {};

TEST_P(HalfFormats, DecodesEveryPattern) {
  const Format& f = GetParam();
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const double expected = decode(half, f.exponent_bits);
    const float found = f.from(half);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(found)) << bits;
      ASSERT_TRUE(std::isnan(f.from(f.to(found)))) << bits;
      continue;
    }
    ASSERT_EQ(static_cast<double>(found), expected) << bits;
    ASSERT_EQ(std::signbit(found), (bits & 0x8000) != 0) << bits;
    ASSERT_EQ(f.to(found), half) << bits;
  }
}

// Every boundary between two neighbours: the float half-way goes to the even one, its neighbours to the
// nearest. The last boundary lies between the largest finite value and what would be the next: infinity.
TEST_P(HalfFormats, RoundsToNearestEvenAtEveryBoundary) {
  const Format& f = GetParam();
  const std::uint16_t infinity = f.to(std::numeric_limits<float>::infinity());
  for (std::uint16_t low = 0; low < infinity; ++low) {
    const auto high = static_cast<std::uint16_t>(low + 1);
    const double a = decode(low, f.exponent_bits);
    const double step = high == infinity ? a - decode(static_cast<std::uint16_t>(low - 1), f.exponent_bits)
                                         : decode(high, f.exponent_bits) - a;
    const auto middle = static_cast<float>(a + step / 2);
    ASSERT_EQ(static_cast<double>(middle), a + step / 2) << "not exact, so not a test";
    ASSERT_EQ(f.to(middle), low % 2 == 0 ? low : high) << low;
    ASSERT_EQ(f.to(std::nextafter(middle, 0.0f)), low) << low;
    ASSERT_EQ(f.to(std::nextafter(middle, std::numeric_limits<float>::infinity())), high) << low;
    ASSERT_EQ(f.to(-middle), (low % 2 == 0 ? low : high) | 0x8000) << low;
  }
}

TEST_P(HalfFormats, FarOutGoesToInfinityAndZero) {
  const Format& f = GetParam();
  EXPECT_EQ(f.from(f.to(std::numeric_limits<float>::max())), std::numeric_limits<float>::infinity());
  EXPECT_EQ(f.from(f.to(-std::numeric_limits<float>::max())), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(f.to(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(f.to(-std::numeric_limits<float>::denorm_min()), 0x8000);
}

// NaN whose payload lies in the bits that are cut off must not become infinity.
TEST_P(HalfFormats, NanStaysNan) {
  const Format& f = GetParam();
  for (const std::uint32_t bits : {0x7f800001u, 0xff800001u, 0x7fc00000u, 0x7fffffffu, 0x7f80ffffu})
    EXPECT_TRUE(std::isnan(f.from(f.to(std::bit_cast<float>(bits))))) << bits;
}

INSTANTIATE_TEST_SUITE_P(All, HalfFormats,
                         testing::Values(Format{"bf16", 8, to_bf16, from_bf16},
                                         Format{"f16", 5, to_f16, from_f16}),
                         [](const auto& given) { return std::string(given.param.name); });

TEST(DType, NamesAndSizes) {
  const std::pair<DType, std::pair<std::string, std::size_t>> kAll[] = {
      {DType::kF32, {"f32", 4}}, {DType::kF16, {"f16", 2}},  {DType::kBF16, {"bf16", 2}},
      {DType::kF64, {"f64", 8}}, {DType::kI8, {"i8", 1}},    {DType::kU8, {"u8", 1}},
      {DType::kI16, {"i16", 2}}, {DType::kI32, {"i32", 4}},  {DType::kU32, {"u32", 4}},
      {DType::kI64, {"i64", 8}}, {DType::kBool, {"bool", 1}}};
  for (const auto& [type, expected] : kAll) {
    EXPECT_EQ(name(type), expected.first);
    EXPECT_EQ(size_of(type), expected.second);
  }
}

}  // namespace
}  // namespace polysem
