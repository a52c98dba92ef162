#include "polysem/latent_entries.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"

namespace polysem {
namespace {

class LatentEntries : public ::testing::Test {
 protected:
  LatentEntries() : records_(3) {
    records_[1].firings = 5;
    records_[1].sum = 10.0;
    records_[1].max = 4.0f;
    sources_.records = records_;
    sources_.rows = 50;
    sources_.names.token = [](std::int32_t token) { return "t" + std::to_string(token); };
    sources_.dim = 2;
    sources_.encoder = encoder_;
    sources_.decoder = decoder_;
  }

  std::unique_ptr<Backend> backend_ = open_backend("reference");
  Executor executor_{*backend_};
  std::vector<LatentRecord> records_;
  const std::vector<float> encoder_{1, 0, /**/ 1, 1, /**/ 0, 0};
  const std::vector<float> decoder_{3, 4, /**/ 2, 0, /**/ 0, 1};
  const std::vector<float> norm_{1, 10};
  const std::vector<float> unembedding_{5, 0, /**/ -1, 0, /**/ 2, 0};  // mean 2, 0
  EntrySources sources_;
};

TEST_F(LatentEntries, NumbersOfTheWeights) {
  const std::vector<std::int64_t> latents{1, 0};
  const auto entries = latent_entries(executor_, sources_, latents, LatentChoice::kRandom);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].latent, 1);
  EXPECT_EQ(entries[0].choice, LatentChoice::kRandom);
  EXPECT_DOUBLE_EQ(entries[0].density, 0.1);
  EXPECT_DOUBLE_EQ(entries[0].decoder_norm, 2.0);
  EXPECT_NEAR(entries[0].encoder_decoder_cosine, std::sqrt(0.5), 1e-12);
  EXPECT_DOUBLE_EQ(entries[1].decoder_norm, 5.0);
  EXPECT_NEAR(entries[1].encoder_decoder_cosine, 0.6, 1e-12);
  ASSERT_EQ(entries[0].nearest.size(), 2u);
  EXPECT_EQ(entries[0].nearest[0].latent, 0);
  EXPECT_NEAR(entries[0].nearest[0].cosine, 0.6, 1e-6);
  EXPECT_TRUE(entries[0].promoted.empty()) << "no unembedding was given";
}

TEST_F(LatentEntries, LogitEffectsHaveNames) {
  sources_.unembedding = unembedding_;
  sources_.norm_weight = norm_;
  sources_.effects = 1;
  const std::vector<std::int64_t> latents{1};
  const auto entries = latent_entries(executor_, sources_, latents, LatentChoice::kRequested);
  ASSERT_EQ(entries[0].promoted.size(), 1u);
  EXPECT_EQ(entries[0].promoted[0].token, "t0");
  EXPECT_NEAR(entries[0].promoted[0].value, 6.0, 1e-5);  // (5 - 2) x 2
  EXPECT_EQ(entries[0].suppressed[0].token, "t1");
  EXPECT_NEAR(entries[0].suppressed[0].value, -6.0, 1e-5);
}

TEST_F(LatentEntries, ZeroEncoderRowHasNoCosine) {
  const std::vector<std::int64_t> latents{2};
  EXPECT_TRUE(std::isnan(
      latent_entries(executor_, sources_, latents, LatentChoice::kRandom)[0].encoder_decoder_cosine));
}

TEST_F(LatentEntries, RefusesWhatDoesNotFit) {
  const std::vector<std::int64_t> outside{3}, inside{0};
  EXPECT_THROW(latent_entries(executor_, sources_, outside, LatentChoice::kRandom), Error);
  EXPECT_TRUE(latent_entries(executor_, sources_, {}, LatentChoice::kRandom).empty());
  sources_.encoder = sources_.encoder.first(4);
  EXPECT_THROW(latent_entries(executor_, sources_, inside, LatentChoice::kRandom), Error);
}

}  // namespace
}  // namespace polysem
