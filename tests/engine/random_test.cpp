#include "polysem/random.hpp"

#include <gtest/gtest.h>

namespace polysem {
namespace {

using Counter = Philox4x32::Counter;

// Known answers of Random123's kat_vectors for philox4x32-10.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox4x32::block({0, 0, 0, 0}, {0, 0}),
            (Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(Philox4x32::block({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32::block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, StreamsAndSubstreamsDiffer) {
  const Random a(7, RandomStream::kData), b(7, RandomStream::kNoise), c(7, RandomStream::kData, 1),
      d(8, RandomStream::kData);
  EXPECT_NE(a.bits64(0), b.bits64(0));
  EXPECT_NE(a.bits64(0), c.bits64(0));
  EXPECT_NE(a.bits64(0), d.bits64(0));
}

TEST(Random, WordsAreCutFromOneBlock) {
  const Random r(1, RandomStream::kData);
  for (std::uint64_t i = 0; i < 8; ++i)
    EXPECT_EQ(r.bits64(i), std::uint64_t{r.bits(2 * i)} | (std::uint64_t{r.bits(2 * i + 1)} << 32));
}

// 100,000 draws: the mean of a uniform has standard error 0.0009, of a normal 0.0032; the bounds are six of
// those.
TEST(Random, MomentsOfUniformAndNormal) {
  const Random r(3, RandomStream::kNoise);
  constexpr int kDraws = 100000;
  double uniform = 0, normal = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const float u = r.uniform(static_cast<std::uint64_t>(i));
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    uniform += u;
    const float n = r.normal(static_cast<std::uint64_t>(i));
    normal += n;
    squares += double{n} * n;
  }
  EXPECT_NEAR(uniform / kDraws, 0.5, 0.0055);
  EXPECT_NEAR(normal / kDraws, 0.0, 0.019);
  EXPECT_NEAR(squares / kDraws, 1.0, 0.027);
}

TEST(Random, BelowStaysBelow) {
  const Random r(5, RandomStream::kShuffle);
  for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_LT(r.below(7, i), 7u);
}

}  // namespace
}  // namespace polysem
