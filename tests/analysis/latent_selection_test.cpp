#include "polysem/latent_selection.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "polysem/error.hpp"

namespace polysem {
namespace {

constexpr std::int64_t kRows = 10000;
const std::vector<std::int64_t> kLabelRows{5000, 2500, 2500};

/// A latent with four strongest contexts of five tokens that peak on these tokens.
LatentRecord latent(std::uint64_t firings, std::vector<std::int32_t> peaks, float background,
                    std::vector<double> mass) {
  LatentRecord record;
  record.firings = firings;
  record.max = 2.0f;
  record.label_mass = std::move(mass);
  for (std::size_t i = 0; i < peaks.size(); ++i) {
    LatentFiring firing;
    firing.value = 2.0f;
    firing.row = static_cast<std::int64_t>(i);
    firing.peak = 2;
    firing.tokens.assign(5, {1000 + static_cast<std::int32_t>(i), background});
    firing.tokens[2] = {peaks[i], 2.0f};
    record.top.push_back(firing);
  }
  return record;
}

TEST(LatentTraits, ExtremesOfEachTrait) {
  const LatentRecord sharp = latent(100, {7, 7, 7, 7}, 0.0f, {0.0, 0.0, 9.0});
  const LatentTraits traits = latent_traits(sharp, kRows, kLabelRows);
  EXPECT_DOUBLE_EQ(traits.density, 0.01);
  EXPECT_DOUBLE_EQ(traits.label_focus, 1.0);  // all mass on one of the rarest labels
  EXPECT_DOUBLE_EQ(traits.token_focus, 1.0);
  EXPECT_DOUBLE_EQ(traits.peakedness, 1.0);
  EXPECT_DOUBLE_EQ(traits.steadiness, 1.0);
  EXPECT_DOUBLE_EQ(traits.token_breadth, 0.0);
  EXPECT_DOUBLE_EQ(traits.interest(), 0.8) << "all but the part for several related tokens";

  const LatentRecord blurred = latent(100, {1, 2, 3, 4}, 2.0f, {2.0, 1.0, 1.0});
  const LatentTraits flat = latent_traits(blurred, kRows, kLabelRows);
  EXPECT_NEAR(flat.label_focus, 0.0, 1e-12);  // mass as the rows are spread
  EXPECT_NEAR(flat.token_focus, 0.0, 1e-12);
  EXPECT_DOUBLE_EQ(flat.token_breadth, 1.0);
  EXPECT_DOUBLE_EQ(flat.peakedness, 0.0);
}

TEST(LatentTraits, HandComputedMiddle) {
  // Two tokens of two contexts each: 2 of 6 pairs are of one token. Label shares 1/2, 1/2, 0 against 1/2,
  // 1/4, 1/4: divergence 1/2 log 2 of log 4. Background 0.5 against 2.
  const LatentTraits traits =
      latent_traits(latent(10, {1, 1, 2, 2}, 0.5f, {1.0, 1.0, 0.0}), kRows, kLabelRows);
  EXPECT_NEAR(traits.token_focus, 1.0 / 3.0, 1e-12);
  EXPECT_NEAR(traits.token_breadth, 1.0 / 3.0, 1e-12);
  EXPECT_NEAR(traits.label_focus, 0.25, 1e-12);
  EXPECT_NEAR(traits.peakedness, 0.75, 1e-12);
}

/// Five tokens in two dimensions, their mean at (1, 1): 1 and 2 point one way from it, 3 the other, 4 across.
const std::vector<float> kTokenMatrix{1, 1, /**/ 3, 1, /**/ 2, 1, /**/ -2, 1, /**/ 1, 1};

TEST(LatentTraits, VectorsTellRelatedTokens) {
  const TokenVectors vectors(kTokenMatrix, 2);
  const auto focus = [&](std::vector<std::int32_t> peaks) {
    return latent_traits(latent(10, std::move(peaks), 0, {}), kRows, {}, vectors).token_focus;
  };
  EXPECT_NEAR(focus({1, 2, 1, 2}), 1.0, 1e-6) << "different tokens of one direction";
  EXPECT_NEAR(focus({1, 2, 3}), 0.0, 1e-6) << "cosines 1, -1, -1";
  EXPECT_NEAR(focus({1, 1, 2, 3}), 0.0, 1e-6);
  EXPECT_NEAR(focus({4, 4, 4}), 0.0, 1e-6) << "a token at the mean has no direction";
  EXPECT_NEAR(focus({1, 77, -5}), 0.0, 1e-6) << "ids outside the matrix have none either";
  EXPECT_THROW(TokenVectors(kTokenMatrix, 3), Error);
  EXPECT_THROW(TokenVectors({}, 3), Error);
}

TEST(LatentTraits, SeveralRelatedTokensSayMoreThanOne) {
  const TokenVectors vectors(kTokenMatrix, 2);
  const auto interest = [&](std::vector<std::int32_t> peaks) {
    return latent_traits(latent(10, std::move(peaks), 0, {}), kRows, {}, vectors).interest();
  };
  EXPECT_GT(interest({1, 2, 1, 2}), interest({1, 1, 1, 1}));
  EXPECT_GT(interest({1, 1, 1, 1}), interest({1, 2, 3, 3}));
}

TEST(LatentTraits, DeadLatentIsAllZeroAndNotNaN) {
  for (const LatentRecord& record : {LatentRecord{}, latent(5, {}, 0, {})}) {
    const LatentTraits traits = latent_traits(record, kRows, kLabelRows);
    EXPECT_TRUE(std::isfinite(traits.interest()));
  }
  EXPECT_EQ(latent_traits(LatentRecord{}, kRows, kLabelRows).interest(), 0.0);
  EXPECT_TRUE(std::isfinite(latent_traits(latent(5, {1, 2}, 0, {}), kRows, {}).interest()));
}

SelectionRule rule_of(std::int64_t count) { return {.count = count, .density_high = 0.05}; }

TEST(ChooseLatents, BestFirstWithinTheBand) {
  std::vector<LatentRecord> records;
  records.push_back(latent(100, {1, 2, 3, 4}, 1.0f, {2, 1, 1}));   // 0: blurred
  records.push_back(latent(100, {7, 7, 7, 7}, 0.0f, {0, 0, 1}));   // 1: sharp
  records.push_back(latent(9000, {8, 8, 8, 8}, 0.0f, {0, 0, 1}));  // 2: too dense
  records.push_back(latent(3, {9, 9, 9}, 0.0f, {0, 0, 1}));        // 3: too rare
  records.push_back(LatentRecord{});                               // 4: dead
  records.push_back(latent(100, {5, 5, 6, 6}, 0.0f, {1, 1, 0}));   // 5: between
  std::vector<float> decoder(6 * 6);
  for (std::size_t i = 0; i < 6; ++i) decoder[i * 6 + i] = 3.0f;  // orthogonal
  EXPECT_EQ(choose_latents(records, kRows, kLabelRows, decoder, rule_of(10)),
            (std::vector<std::int64_t>{1, 5, 0}));
  EXPECT_EQ(choose_latents(records, kRows, kLabelRows, decoder, rule_of(1)), (std::vector<std::int64_t>{1}));
  EXPECT_TRUE(choose_latents(records, kRows, kLabelRows, decoder, rule_of(0)).empty());
}

TEST(ChooseLatents, LeavesOutNearDuplicates) {
  std::vector<LatentRecord> records(3, latent(100, {1, 2, 3, 4}, 0.0f, {0, 0, 1}));
  const std::vector<float> decoder{1.0f, 0.0f, /**/ 0.9f, 0.1f, /**/ 0.0f, 1.0f};
  EXPECT_EQ(choose_latents(records, kRows, kLabelRows, decoder, rule_of(3)),
            (std::vector<std::int64_t>{0, 2}));
}

TEST(ChooseLatents, NoTokenTakesOver) {
  std::vector<LatentRecord> records(6, latent(100, {7, 7, 7, 7}, 0.0f, {0, 0, 1}));
  records.push_back(latent(100, {1, 2, 3, 4}, 0.0f, {0, 0, 1}));
  std::vector<float> decoder(7 * 7);
  for (std::size_t i = 0; i < 7; ++i) decoder[i * 7 + i] = 1.0f;
  EXPECT_EQ(choose_latents(records, kRows, kLabelRows, decoder, rule_of(5)),
            (std::vector<std::int64_t>{0, 1, 6}));
}

TEST(ChooseLatents, NoTopicTakesOver) {
  // 0, 1 and 2 are about the same tokens, 3 is about others and less interesting by itself.
  std::vector<LatentRecord> records(3, latent(100, {1, 2, 1, 2}, 0.0f, {0, 0, 1}));
  records.push_back(latent(100, {3, 3, 3, 3}, 0.5f, {0, 1, 2}));
  std::vector<float> decoder(4 * 4);
  for (std::size_t i = 0; i < 4; ++i) decoder[i * 4 + i] = 1.0f;
  const TokenVectors vectors(kTokenMatrix, 2);
  EXPECT_EQ(choose_latents(records, kRows, kLabelRows, decoder, rule_of(2), vectors),
            (std::vector<std::int64_t>{0, 3}));
  EXPECT_EQ(choose_latents(records, kRows, kLabelRows, decoder, rule_of(2)),
            (std::vector<std::int64_t>{0, 1}))
      << "without vectors nothing says that they are about the same";
}

TEST(ChooseLatents, ZeroDecoderRowsAndNoCandidates) {
  const std::vector<LatentRecord> records(2, latent(100, {1, 2, 3, 4}, 0.0f, {0, 0, 1}));
  const std::vector<float> zeros(4);
  EXPECT_EQ(choose_latents(records, kRows, kLabelRows, zeros, rule_of(2)), (std::vector<std::int64_t>{0, 1}));
  EXPECT_TRUE(choose_latents(std::vector<LatentRecord>(2), kRows, kLabelRows, zeros, rule_of(2)).empty());
  EXPECT_THROW(choose_latents(records, kRows, kLabelRows, std::vector<float>(3), rule_of(2)), Error);
}

TEST(RandomLiveLatents, LiveOnesOnlyAndTheSameEachTime) {
  std::vector<LatentRecord> records(200);
  for (std::size_t i = 0; i < records.size(); i += 2) records[i].firings = 1;
  const std::vector<std::int64_t> except{0, 2, 4};
  const auto drawn = random_live_latents(records, except, 20, 3);
  EXPECT_EQ(drawn.size(), 20u);
  EXPECT_EQ(std::set<std::int64_t>(drawn.begin(), drawn.end()).size(), 20u);
  for (const std::int64_t latent_index : drawn) {
    EXPECT_EQ(latent_index % 2, 0);
    EXPECT_GT(latent_index, 4);
  }
  EXPECT_EQ(drawn, random_live_latents(records, except, 20, 3));
  EXPECT_NE(drawn, random_live_latents(records, except, 20, 4));
  EXPECT_EQ(random_live_latents(records, except, 1000, 3).size(), 97u);
}

}  // namespace
}  // namespace polysem
