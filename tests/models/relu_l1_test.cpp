// ReLU with an L1 term: gradients of the whole loss, and sparse codes against dense ones.
#include <gtest/gtest.h>

#include "lib/models/dense_pass.hpp"
#include "polysem/error.hpp"
#include "tests/models/naive_coder.hpp"

namespace polysem {
namespace {

using namespace test;

constexpr float kWeight = 0.3f;

CoderConfig relu_l1() {
  CoderConfig config = small_config();
  config.recipe = "relu_l1";
  config.decoder = DecoderConstraint::kUnitNorm;
  return config;
}

CoderWeights unit_norm_weights(float bias = 0.0f) {
  CoderWeights weights = random_weights();
  for (std::size_t j = 0; j < kLatents; ++j) {
    double squares = 0;
    for (std::size_t d = 0; d < kDim; ++d) squares += std::pow(weights.w_dec[j * kDim + d], 2);
    for (std::size_t d = 0; d < kDim; ++d)
      weights.w_dec[j * kDim + d] = static_cast<float>(weights.w_dec[j * kDim + d] / std::sqrt(squares));
  }
  for (float& b : weights.b_enc) b += bias;
  return weights;
}

Supports positive(const Naive& model, const std::vector<float>& x) {
  Supports supports(kBatch);
  for (std::size_t r = 0; r < kBatch; ++r)
    for (std::size_t j = 0; j < kLatents; ++j)
      if (model.pre_activation(x.data() + r * kDim, j) > 0) supports[r].push_back(j);
  return supports;
}

class ReluL1Test : public StepTest {
 protected:
  void expect_gradients(const CoderWeights& weights, bool dense, float clip) {
    const auto x = normals(kBatch * kDim, 0);
    Naive model(weights);
    const auto supports = positive(model, x);
    std::size_t active = 0;
    for (const auto& row : supports) active += row.size();
    ASSERT_GT(active, 0u);
    const auto f = [&] {
      double l1 = 0;
      for (std::size_t r = 0; r < kBatch; ++r)
        for (const std::size_t j : supports[r]) l1 += model.pre_activation(x.data() + r * kDim, j);
      return main_loss(model, x, supports) + kWeight * l1 / kBatch;
    };
    const auto found = gradients(relu_l1(), x, {}, clip, weights, kWeight, dense);
    EXPECT_EQ(result_.dense, dense);
    EXPECT_DOUBLE_EQ(result_.l0, static_cast<double>(active) / kBatch);
    EXPECT_NEAR(result_.loss, main_loss(model, x, supports), 1e-6 * f());
    expect_near(found.at("W_enc"), finite_differences(model.w_enc, f), "W_enc");
    expect_near(found.at("b_enc"), finite_differences(model.b_enc, f), "b_enc");
    expect_near(found.at("b_dec"), finite_differences(model.b_dec, f), "b_dec");
    // The decoder's gradient along its row is projected out.
    auto g = finite_differences(model.w_dec, f);
    for (std::size_t j = 0; j < kLatents; ++j) {
      double along = 0;
      for (std::size_t d = 0; d < kDim; ++d) along += g[j * kDim + d] * model.w_dec[j * kDim + d];
      for (std::size_t d = 0; d < kDim; ++d) g[j * kDim + d] -= along * model.w_dec[j * kDim + d];
    }
    expect_near(found.at("W_dec"), g, "W_dec");
  }
};

TEST_P(ReluL1Test, GradientsOfDenseCodesMatchFiniteDifferences) {
  for (const float clip : {0.0f, 1e6f}) expect_gradients(unit_norm_weights(), true, clip);
}

// Three entries in six rows: the only density at which twelve latents are sparse.
TEST_P(ReluL1Test, GradientsOfSparseCodesMatchFiniteDifferences) {
  for (const float clip : {0.0f, 1e6f}) expect_gradients(unit_norm_weights(-2.6f), false, clip);
}

TEST_P(ReluL1Test, BothPathsAgree) {
  const auto x = normals(kBatch * kDim, 0);
  const CoderWeights weights = unit_norm_weights(-2.6f);
  const auto sparse = gradients(relu_l1(), x, {}, 0, weights, kWeight, false);
  const double loss = result_.loss;
  ASSERT_FALSE(result_.dense);
  const auto dense = gradients(relu_l1(), x, {}, 0, weights, kWeight, true);
  ASSERT_TRUE(result_.dense);
  EXPECT_NEAR(result_.loss, loss, 1e-6 * loss);
  for (const auto& [name, g] : sparse)
    for (std::size_t i = 0; i < g.size(); ++i) EXPECT_NEAR(dense.at(name)[i], g[i], 2e-6) << name << " " << i;
}

// Codes become dense when too many are active and sparse again when few are; firings count in both.
TEST_P(ReluL1Test, DensityDecidesFromStepToStep) {
  const auto x = normals(kBatch * kDim, 0);
  CoderStep step(executor_, relu_l1(), unit_norm_weights(), kBatch, 1.0);
  const Array input = executor_.make_from(kBatch, kDim, x);
  std::map<std::string, Tensor> state;
  for (const auto& [name, tensor] : step.state()) state[name] = tensor;
  const AdamStep still{.rate = 0.0f};
  EXPECT_TRUE(step.run(input, input, still, 0, false, kWeight).dense);
  const auto after_dense = executor_.download_u32(state["fired"]);
  const Naive model(unit_norm_weights());
  for (std::size_t j = 0; j < kLatents; ++j) {
    std::uint32_t fired = 0;
    for (std::size_t r = 0; r < kBatch; ++r) fired += model.pre_activation(x.data() + r * kDim, j) > 0;
    EXPECT_EQ(after_dense[j], fired) << "latent " << j;
  }
  executor_.upload(state["b_enc"], std::vector<float>(kLatents, -50.0f));
  EXPECT_TRUE(step.run(input, input, still, 0, false, kWeight).dense) << "measured only now";
  const StepResult quiet = step.run(input, input, still, 0, false, kWeight);
  EXPECT_FALSE(quiet.dense);
  EXPECT_EQ(quiet.l0, 0);
  EXPECT_EQ(executor_.download_u32(state["fired"]), after_dense);
  EXPECT_EQ(executor_.download_u32(state["samples_since_fired"])[0] % kBatch, 0u);
}

// Chunks of rows add up to the whole batch, whatever their length.
TEST_P(ReluL1Test, ChunksAddUp) {
  const CoderConfig config = relu_l1();
  CoderTensors coder;
  const CoderWeights weights = unit_norm_weights();
  coder.w_enc = executor_.make_from(kLatents, kDim, weights.w_enc);
  coder.w_dec = executor_.make_from(kLatents, kDim, weights.w_dec);
  coder.b_enc = executor_.make_from(1, kLatents, weights.b_enc);
  coder.b_dec = executor_.make_from(1, kDim, weights.b_dec);
  const Array x = executor_.make_from(kBatch, kDim, normals(kBatch * kDim, 0));
  const Array error = executor_.make(kBatch, kDim), row_loss = executor_.make(1, kBatch);
  const LatentGradients g{executor_.make(kLatents, kDim), executor_.make(kLatents, kDim),
                          executor_.make(1, kLatents)};
  std::vector<float> first;
  for (const std::int64_t rows : {6, 4, 1}) {
    DensePass pass(executor_, config, kBatch, rows * kLatents * 4);
    pass.run(coder, {.input = x, .x = x, .target = x, .error = error, .row_loss = row_loss}, 0.5f, 0.25f, g);
    std::vector<float> all;
    for (const Tensor& t :
         {g.enc.view(), g.dec.view(), g.bias.view(), pass.counts(), error.view(), row_loss.view()})
      for (const float v : executor_.download_f32(t)) all.push_back(v);
    if (first.empty()) first = all;
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_NEAR(all[i], first[i], 1e-5) << i;
  }
}

TEST_P(ReluL1Test, AuxKGivesDeadLatentsAnEncoderGradient) {
  CoderWeights weights = unit_norm_weights();
  std::vector<std::uint32_t> since(kLatents, 0);
  CoderConfig config = relu_l1();
  config.aux_k = 2;
  config.dead_window = 100;
  const auto x = normals(kBatch * kDim, 0);
  // Latents that stay silent: only AuxK, which ranks before the ReLU, could have reached them; it rectifies
  // what it picks, so a latent comes back where it was silent on most rows, not on all.
  for (const std::size_t j : {1, 4, 9}) since[j] = 100;
  const auto without = gradients(relu_l1(), x, {}, 0, weights, kWeight, true);
  const auto with = gradients(config, x, since, 0, weights, kWeight, true);
  double difference = 0;
  for (const std::size_t j : {1, 4, 9})
    for (std::size_t d = 0; d < kDim; ++d)
      difference += std::abs(with.at("W_enc")[j * kDim + d] - without.at("W_enc")[j * kDim + d]);
  EXPECT_GT(difference, 1e-3);
}

TEST_P(ReluL1Test, NeedsAUnitNormDecoder) {
  for (const DecoderConstraint decoder : {DecoderConstraint::kNone, DecoderConstraint::kNormAware}) {
    CoderConfig config = relu_l1();
    config.decoder = decoder;
    EXPECT_THROW(CoderStep(executor_, config, random_weights(), kBatch, 1.0), Error);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, ReluL1Test, testing::ValuesIn(backends_that_run("relu_l1")),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace polysem
