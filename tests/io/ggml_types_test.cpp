#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>

#include "polysem/dtype.hpp"
#include "polysem/gguf.hpp"
#include "polysem/random.hpp"
#include "tests/support/gguf_writer.hpp"

// Blocks are packed here from chosen quants by the definition of each format and must read back as chosen.
namespace polysem {
namespace {

using test::GgufWriter;
using Bytes = std::vector<std::byte>;

std::vector<float> read_back(std::uint32_t type, std::uint64_t values, const Bytes& blocks) {
  const Bytes bytes = GgufWriter().tensor("t", {values}, type, blocks).finish();
  const GgufFile file = GgufFile::parse(bytes, "x.gguf");
  std::vector<float> out(values);
  file.dequantize(*file.find("t"), 0, 1, out);
  return out;
}

int draw(std::uint64_t i, int bound) {
  return static_cast<int>(Random(11, RandomStream::kData).below(static_cast<std::uint64_t>(bound), i));
}

void put_half(Bytes& out, float value) { GgufWriter::put(out, to_f16(value)); }

TEST(GgmlTypes, HalvesAndBfloats) {
  Bytes half, bf16;
  const std::vector<float> values = {1.0f, -2.5f, 0.0f, 65504.0f, 6.1035156e-5f, 5.9604645e-8f};
  for (const float v : values) put_half(half, v);
  EXPECT_EQ(read_back(1, values.size(), half), values);
  for (const float v : {1.0f, -3.0f, 0.15625f}) GgufWriter::put(bf16, to_bf16(v));
  EXPECT_EQ(read_back(30, 3, bf16), (std::vector<float>{1.0f, -3.0f, 0.15625f}));
}

TEST(GgmlTypes, Q8_0) {
  Bytes blocks;
  std::vector<float> expected;
  for (int b = 0; b < 2; ++b) {
    const float d = b == 0 ? 0.25f : -0.5f;
    put_half(blocks, d);
    for (int i = 0; i < 32; ++i) {
      const int q = i == 0 ? -128 : i == 1 ? 127 : draw(static_cast<std::uint64_t>(i), 256) - 128;
      blocks.push_back(static_cast<std::byte>(q));
      expected.push_back(d * static_cast<float>(q));
    }
  }
  EXPECT_EQ(read_back(8, 64, blocks), expected);
}

// 16 bytes of nibbles: value i is the low half of byte i, value i + 16 the high half.
void put_nibbles(Bytes& out, const std::array<int, 32>& quants) {
  for (std::size_t i = 0; i < 16; ++i) out.push_back(static_cast<std::byte>(quants[i] | quants[i + 16] << 4));
}

TEST(GgmlTypes, Q4_0AndQ4_1) {
  std::array<int, 32> quants{};
  for (std::size_t i = 0; i < 32; ++i) quants[i] = draw(i, 16);
  Bytes plain, shifted;
  put_half(plain, 0.125f);
  put_nibbles(plain, quants);
  put_half(shifted, 0.125f);
  put_half(shifted, -0.75f);
  put_nibbles(shifted, quants);
  const auto q4_0 = read_back(2, 32, plain), q4_1 = read_back(3, 32, shifted);
  for (std::size_t i = 0; i < 32; ++i) {
    EXPECT_EQ(q4_0[i], 0.125f * static_cast<float>(quants[i] - 8));
    EXPECT_EQ(q4_1[i], 0.125f * static_cast<float>(quants[i]) - 0.75f);
  }
}

TEST(GgmlTypes, Q4_K) {
  std::array<int, 8> scale{}, minimum{};
  std::array<int, 256> quants{};
  for (std::size_t j = 0; j < 8; ++j) scale[j] = draw(j, 64), minimum[j] = draw(100 + j, 64);
  scale[5] = 63, minimum[6] = 63, scale[1] = 63, minimum[2] = 63;
  for (std::size_t i = 0; i < 256; ++i) quants[i] = draw(200 + i, 16);
  Bytes block;
  put_half(block, 0.5f);
  put_half(block, 0.25f);
  for (std::size_t j = 0; j < 4; ++j)
    block.push_back(static_cast<std::byte>(scale[j] | (scale[j + 4] >> 4) << 6));
  for (std::size_t j = 0; j < 4; ++j)
    block.push_back(static_cast<std::byte>(minimum[j] | (minimum[j + 4] >> 4) << 6));
  for (std::size_t j = 4; j < 8; ++j)
    block.push_back(static_cast<std::byte>((scale[j] & 15) | (minimum[j] & 15) << 4));
  for (std::size_t pair = 0; pair < 4; ++pair)
    for (std::size_t i = 0; i < 32; ++i)
      block.push_back(static_cast<std::byte>(quants[64 * pair + i] | quants[64 * pair + 32 + i] << 4));
  ASSERT_EQ(block.size(), 144u);
  const auto values = read_back(12, 256, block);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t j = i / 32;
    EXPECT_EQ(values[i],
              0.5f * static_cast<float>(scale[j] * quants[i]) - 0.25f * static_cast<float>(minimum[j]));
  }
}

TEST(GgmlTypes, Q6_K) {
  std::array<int, 16> scale{};
  std::array<int, 256> quants{};
  for (std::size_t j = 0; j < 16; ++j) scale[j] = draw(500 + j, 256) - 128;
  for (std::size_t i = 0; i < 256; ++i) quants[i] = draw(600 + i, 64);
  Bytes low(128), high(64);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t half = i / 128, quarter = i % 128 / 32, lane = i % 32;
    low[64 * half + 32 * (quarter % 2) + lane] |=
        static_cast<std::byte>((quants[i] & 15) << (quarter / 2 * 4));
    high[32 * half + lane] |= static_cast<std::byte>((quants[i] >> 4) << (2 * quarter));
  }
  Bytes block = low;
  block.insert(block.end(), high.begin(), high.end());
  for (const int s : scale) block.push_back(static_cast<std::byte>(s));
  put_half(block, 0.0625f);
  ASSERT_EQ(block.size(), 210u);
  const auto values = read_back(14, 256, block);
  for (std::size_t i = 0; i < 256; ++i)
    EXPECT_EQ(values[i], 0.0625f * static_cast<float>(scale[i / 16] * (quants[i] - 32)));
}

}  // namespace
}  // namespace polysem
