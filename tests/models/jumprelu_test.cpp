// JumpReLU: gradients, the straight-through gradient of the thresholds by its formula, lists that must grow.
#include <gtest/gtest.h>

#include "polysem/coder_init.hpp"
#include "polysem/error.hpp"
#include "tests/models/naive_coder.hpp"

namespace polysem {
namespace {

using namespace test;

constexpr float kWidth = 0.8f, kWeight = 0.3f;

CoderConfig jumprelu() {
  CoderConfig config = small_config();
  config.recipe = "jumprelu";
  config.bandwidth = kWidth;
  return config;
}

CoderWeights weights_with_thresholds() {
  CoderWeights weights = random_weights();
  weights.threshold = normals(kLatents, 5, 0.4f);
  for (float& t : weights.threshold) t = std::abs(t);
  weights.threshold[3] = 0;
  return weights;
}

Supports above_thresholds(const Naive& model, const std::vector<float>& thresholds,
                          const std::vector<float>& x) {
  Supports supports(kBatch);
  for (std::size_t r = 0; r < kBatch; ++r)
    for (std::size_t j = 0; j < kLatents; ++j)
      if (model.pre_activation(x.data() + r * kDim, j) > thresholds[j]) supports[r].push_back(j);
  return supports;
}

class JumpReluTest : public StepTest {};

// With the supports held, nothing but the straight-through part is left out.
TEST_P(JumpReluTest, GradientsOfWeightsMatchFiniteDifferences) {
  const auto x = normals(kBatch * kDim, 0);
  const CoderWeights weights = weights_with_thresholds();
  Naive model(weights);
  const auto supports = above_thresholds(model, weights.threshold, x);
  const auto f = [&] { return main_loss(model, x, supports); };
  for (const float clip : {0.0f, 1e6f}) {
    const auto found = gradients(jumprelu(), x, {}, clip, weights, kWeight);
    EXPECT_NEAR(result_.loss, f(), 1e-6 * f());
    expect_near(found.at("W_enc"), finite_differences(model.w_enc, f), "W_enc");
    expect_near(found.at("W_dec"), finite_differences(model.w_dec, f), "W_dec");
    expect_near(found.at("b_enc"), finite_differences(model.b_enc, f), "b_enc");
    expect_near(found.at("b_dec"), finite_differences(model.b_dec, f), "b_dec");
  }
}

// arXiv 2407.14435, equations 11 and 12, for loss = mean_B |y - x|^2 + lambda mean_B sum H(h - theta).
TEST_P(JumpReluTest, GradientOfThresholdsFollowsItsDefinition) {
  const auto x = normals(kBatch * kDim, 0);
  const CoderWeights weights = weights_with_thresholds();
  const Naive model(weights);
  const auto supports = above_thresholds(model, weights.threshold, x);
  std::vector<double> expected(kLatents, 0.0);
  int inside = 0;
  for (std::size_t r = 0; r < kBatch; ++r) {
    const float* row = x.data() + r * kDim;
    const auto y = model.decode(row, supports[r], true);
    for (std::size_t j = 0; j < kLatents; ++j) {
      const double h = model.pre_activation(row, j), theta = weights.threshold[j];
      if (!(h > 0) || !(std::abs(h - theta) < kWidth / 2)) continue;
      double by_output = 0;
      for (std::size_t d = 0; d < kDim; ++d)
        by_output += 2.0 / kBatch * (y[d] - row[d]) * model.w_dec[j * kDim + d];
      expected[j] -= (theta * by_output + double{kWeight} / kBatch) / kWidth;
      ++inside;
    }
  }
  EXPECT_GT(inside, 10);
  for (const float clip : {0.0f, 1e6f})
    expect_near(gradients(jumprelu(), x, {}, clip, weights, kWeight).at("threshold"), expected, "threshold");
}

TEST_P(JumpReluTest, ThresholdsNeverFallBelowZero) {
  const auto x = normals(kBatch * kDim, 0);
  CoderStep step(executor_, jumprelu(), weights_with_thresholds(), kBatch, 1.0);
  const Array input = executor_.make_from(kBatch, kDim, x);
  // Without a penalty the error alone pulls thresholds down.
  for (int i = 1; i <= 30; ++i) step.run(input, input, {.rate = 0.05f, .step = i}, 0, false, 0.0f);
  const auto thresholds = step.weights().threshold;
  EXPECT_EQ(*std::min_element(thresholds.begin(), thresholds.end()), 0.0f);
}

TEST_P(JumpReluTest, APenaltyMakesCodesSparser) {
  const auto x = normals(kBatch * kDim, 0);
  double l0[2];
  for (const int with : {0, 1}) {
    CoderStep step(executor_, jumprelu(), weights_with_thresholds(), kBatch, 1.0);
    const Array input = executor_.make_from(kBatch, kDim, x);
    for (int i = 1; i <= 60; ++i)
      l0[with] = step.run(input, input, {.rate = 0.01f, .step = i}, 0, false, with ? 3.0f : 0.0f).l0;
  }
  EXPECT_LT(l0[1], 0.8 * l0[0]);
}

// Far more active latents than there is room for at first: every one of them counts.
TEST_P(JumpReluTest, ListsGrowUntilNothingIsLost) {
  constexpr std::int64_t kMany = 400;
  CoderConfig config = jumprelu();
  config.latents = kMany;
  const CoderWeights weights{normals(kMany * kDim, 1, 0.6f), normals(kMany * kDim, 2, 0.6f),
                             std::vector<float>(kMany, 0.1f), std::vector<float>(kDim, 0.0f),
                             std::vector<float>(kMany, 0.0f)};
  const auto x = normals(kBatch * kDim, 0);
  const Naive model(weights);
  std::int64_t active = 0;
  std::vector<std::vector<double>> expected;
  for (std::size_t r = 0; r < kBatch; ++r) {
    std::vector<std::size_t> support;
    for (std::size_t j = 0; j < kMany; ++j)
      if (model.pre_activation(x.data() + r * kDim, j) > 0) support.push_back(j);
    active += static_cast<std::int64_t>(support.size());
    expected.push_back(model.decode(x.data() + r * kDim, support, true));
  }
  ASSERT_GT(active, 100 * kBatch);
  const Array input = executor_.make_from(kBatch, kDim, x), output = executor_.make(kBatch, kDim);
  SparseCoder coder(executor_, config, weights, kBatch);
  for (int again = 0; again < 2; ++again) coder.reconstruct(input, output);
  const auto y = executor_.download_f32(output);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i / kDim][i % kDim], 1e-4);
  CoderStep step(executor_, config, weights, kBatch, 1.0);
  EXPECT_EQ(step.run(input, input, {.rate = 0.0f}, 0, false).l0, static_cast<double>(active) / kBatch);
}

TEST_P(JumpReluTest, InitialThresholdsGiveTheL0ThatIsAskedFor) {
  constexpr std::int64_t kRows = 600;
  CoderConfig config = jumprelu();
  config.k = 2;
  CoderWeights weights = random_weights();
  const auto x = normals(kRows * kDim, 7);
  weights.threshold = initial_thresholds(executor_, config, weights, x);
  const Naive model(weights);
  std::int64_t active = 0;
  for (std::size_t j = 0; j < kLatents; ++j) {
    std::int64_t fired = 0;
    for (std::size_t r = 0; r < kRows; ++r)
      fired += model.pre_activation(x.data() + r * kDim, j) > weights.threshold[j];
    EXPECT_GT(fired, 0) << "latent " << j << " begins dead";
    active += fired;
  }
  EXPECT_NEAR(static_cast<double>(active) / kRows, 2.0, 0.05);
}

TEST_P(JumpReluTest, AuxKGivesDeadLatentsAnEncoderGradient) {
  CoderWeights weights = weights_with_thresholds();
  std::vector<std::uint32_t> since(kLatents, 0);
  for (const std::size_t j : {1, 4, 9}) since[j] = 100, weights.threshold[j] = 1e6f;
  CoderConfig config = jumprelu();
  config.aux_k = 2;
  config.dead_window = 100;
  const auto found = gradients(config, normals(kBatch * kDim, 0), since, 0, weights, kWeight);
  double sum = 0;
  for (const std::size_t j : {1, 4, 9})
    for (std::size_t d = 0; d < kDim; ++d) sum += std::abs(found.at("W_enc")[j * kDim + d]);
  EXPECT_GT(sum, 1e-3);
  // Their thresholds descend; no row of theirs is in the band.
  for (const std::size_t j : {1, 4, 9}) EXPECT_FLOAT_EQ(found.at("threshold")[j], 2.0f / kBatch);
}

TEST_P(JumpReluTest, WrongConfigsAreRefused) {
  EXPECT_THROW(CoderStep(executor_, jumprelu(), random_weights(), kBatch, 1.0), Error);
  CoderConfig config = jumprelu();
  config.decoder = DecoderConstraint::kNormAware;
  EXPECT_THROW(CoderStep(executor_, config, weights_with_thresholds(), kBatch, 1.0), Error);
  config = jumprelu();
  config.bandwidth = 0;
  EXPECT_THROW(CoderStep(executor_, config, weights_with_thresholds(), kBatch, 1.0), Error);
}

INSTANTIATE_TEST_SUITE_P(Backends, JumpReluTest, testing::ValuesIn(backends_that_run("jumprelu")),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace polysem
