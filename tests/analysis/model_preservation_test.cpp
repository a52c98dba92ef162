#include "polysem/model_preservation.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/tiny_llama.hpp"

namespace polysem {
namespace {

using test::TinyLlama;

constexpr std::int64_t kWidth = TinyLlama::kWidth;

class ModelPreservation : public testing::Test {
 protected:
  ModelPreservation()
      : bytes_(TinyLlama{}.file()),
        file_(GgufFile::parse(bytes_, "tiny.gguf")),
        backend_(open_backend("reference")),
        executor_(*backend_),
        model_(file_, executor_, Precision::kF32),
        mean_(kWidth) {
    for (std::size_t d = 0; d < mean_.size(); ++d) mean_[d] = 0.1f * static_cast<float>(d);
    for (int s = 0; s < 3; ++s) {
      TokenBatch batch;
      std::vector<std::int32_t> ids;
      for (int i = 0; i < 10; ++i) ids.push_back((s * 11 + i * 7) % 50);
      batch.add(ids);
      batch.add(std::span(ids).first(4));
      batches_.push_back(batch);
    }
  }

  // Latents +e_i and -e_i with ReLU rebuild anything: x = relu(x) - relu(-x).
  static CoderWeights identity() {
    CoderWeights w{std::vector<float>(2 * kWidth * kWidth), std::vector<float>(2 * kWidth * kWidth),
                   std::vector<float>(2 * kWidth), std::vector<float>(kWidth)};
    for (std::size_t i = 0; i < kWidth; ++i) {
      for (const std::size_t sign : {0u, 1u}) {
        const std::size_t place = (2 * i + sign) * kWidth + i;
        w.w_enc[place] = w.w_dec[place] = sign == 0 ? 1.0f : -1.0f;
      }
    }
    return w;
  }

  PreservationResult run(const CoderWeights& weights, double massive_limit = 0, bool keep_first = true) {
    const CoderConfig config{.d_in = kWidth, .d_out = kWidth, .latents = 2 * kWidth, .k = 2 * kWidth};
    return model_preservation(model_, config, weights, batches_,
                              {.site = {0, SiteKind::kResidPost},
                               .mean = mean_,
                               .massive_limit = massive_limit,
                               .keep_first = keep_first});
  }

  std::vector<std::byte> bytes_;
  GgufFile file_;
  std::unique_ptr<Backend> backend_;
  Executor executor_;
  LanguageModel model_;
  std::vector<float> mean_;
  std::vector<TokenBatch> batches_;
};

TEST_F(ModelPreservation, PerfectCoderLosesNothing) {
  const auto r = run(identity());
  EXPECT_EQ(r.tokens, 3 * (9 + 3));
  EXPECT_EQ(r.untouched_rows, 6);
  EXPECT_NEAR(r.ce_loss_with_sae, r.ce_loss_without_sae, 1e-5);
  EXPECT_NEAR(r.ce_loss_score, 1.0, 1e-4);
  EXPECT_NEAR(r.ce_loss_score_zero, 1.0, 1e-4);
  EXPECT_NEAR(r.kl_div_score, 1.0, 1e-4);
  EXPECT_GT(r.kl_div_with_ablation, 0.01);
}

// A coder that always answers b_dec = mean is mean ablation.
TEST_F(ModelPreservation, MeanCoderScoresZero) {
  CoderWeights weights = identity();
  std::fill(weights.w_dec.begin(), weights.w_dec.end(), 0.0f);
  weights.b_dec = mean_;
  const auto r = run(weights);
  EXPECT_NEAR(r.ce_loss_with_sae, r.ce_loss_with_ablation, 1e-6);
  EXPECT_NEAR(r.ce_loss_score, 0.0, 1e-5);
  EXPECT_NEAR(r.kl_div_score, 0.0, 1e-5);
}

TEST_F(ModelPreservation, MassiveRowsStayUntouched) {
  const auto r = run(identity(), 1e-9);
  EXPECT_EQ(r.untouched_rows, 3 * 14);
  EXPECT_EQ(r.ce_loss_with_zero_ablation, r.ce_loss_without_sae);
  EXPECT_EQ(run(identity(), 0, false).untouched_rows, 0);
}

}  // namespace
}  // namespace polysem
