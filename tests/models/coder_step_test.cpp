#include "polysem/coder_step.hpp"

#include <gtest/gtest.h>

#include "tests/models/naive_coder.hpp"

namespace polysem {
namespace {

using namespace test;

class CoderStepTest : public StepTest {};

TEST_P(CoderStepTest, GradientsMatchFiniteDifferences) {
  const auto x = normals(kBatch * kDim, 0);
  Naive model(random_weights());
  const auto supports = supports_of(model, x, kK, all_latents());
  const auto f = [&] { return main_loss(model, x, supports); };
  const auto found = gradients(small_config(), x);
  EXPECT_NEAR(result_.loss, f(), 1e-6 * f());
  expect_near(found.at("W_enc"), finite_differences(model.w_enc, f), "W_enc");
  expect_near(found.at("W_dec"), finite_differences(model.w_dec, f), "W_dec");
  expect_near(found.at("b_enc"), finite_differences(model.b_enc, f), "b_enc");
  expect_near(found.at("b_dec"), finite_differences(model.b_dec, f), "b_dec");
}

// The AuxK term alone is what dead latents see; live latents and b_dec's direct part see it only through
// nothing, since the error is held constant. b_dec still moves the encoder's input.
TEST_P(CoderStepTest, AuxKReachesEncoderAndDecoderOfDeadLatents) {
  const auto x = normals(kBatch * kDim, 0);
  CoderConfig config = small_config();
  config.aux_k = 2;
  config.aux_coefficient = 0.25f;
  config.dead_window = 100;
  const std::vector<std::size_t> dead = {1, 4, 9, 10};
  std::vector<std::uint32_t> since(kLatents, 0);
  for (const std::size_t j : dead) since[j] = 100;

  Naive model(random_weights());
  const auto supports = supports_of(model, x, kK, all_latents());
  const auto aux_supports = supports_of(model, x, 2, dead);
  std::vector<std::vector<double>> e;  // held constant
  double error_variance = 0;
  for (std::size_t r = 0; r < kBatch; ++r) {
    auto y = model.decode(x.data() + r * kDim, supports[r], true);
    for (std::size_t d = 0; d < kDim; ++d)
      y[d] = x[r * kDim + d] - y[d], error_variance += y[d] * y[d] / kBatch;
    e.push_back(y);
  }
  const auto aux_loss = [&] {
    double loss = 0;
    for (std::size_t r = 0; r < kBatch; ++r) {
      const auto y = model.decode(x.data() + r * kDim, aux_supports[r], false);
      for (std::size_t d = 0; d < kDim; ++d) loss += std::pow(y[d] - e[r][d], 2) / kBatch;
    }
    return loss;
  };
  const double weight = 0.25 * 1.7 / error_variance;
  const auto f = [&] { return main_loss(model, x, supports) + weight * aux_loss(); };

  const auto found = gradients(config, x, since);
  EXPECT_EQ(result_.dead, 4);
  EXPECT_NEAR(result_.aux_loss, aux_loss(), 1e-6 * aux_loss());
  expect_near(found.at("W_enc"), finite_differences(model.w_enc, f), "W_enc");
  expect_near(found.at("W_dec"), finite_differences(model.w_dec, f), "W_dec");
  expect_near(found.at("b_enc"), finite_differences(model.b_enc, f), "b_enc");
  expect_near(found.at("b_dec"), finite_differences(model.b_dec, f), "b_dec");
  double encoder_gradient = 0;
  for (const std::size_t j : dead)
    for (std::size_t d = 0; d < kDim; ++d) encoder_gradient += std::abs(found.at("W_enc")[j * kDim + d]);
  EXPECT_GT(encoder_gradient, 1e-3);
}

TEST_P(CoderStepTest, ClippingScalesTheWholeGradient) {
  const auto x = normals(kBatch * kDim, 0);
  const auto free = gradients(small_config(), x);
  const auto loose = gradients(small_config(), x, {}, 1e6f);
  const auto clipped = gradients(small_config(), x, {}, 0.5f);
  double squares = 0;
  for (const auto& [name, g] : clipped)
    for (const float v : g) squares += double{v} * v;
  EXPECT_NEAR(std::sqrt(squares), 0.5, 1e-5);
  for (const auto& [name, g] : free) {
    for (std::size_t i = 0; i < g.size(); ++i) {
      EXPECT_NEAR(loose.at(name)[i], g[i], 1e-5) << name;
      EXPECT_NEAR(clipped.at(name)[i] * free.at("W_dec")[0], g[i] * clipped.at("W_dec")[0], 1e-5) << name;
    }
  }
}

TEST_P(CoderStepTest, UnitNormDecoderStaysOnItsSphere) {
  const auto x = normals(kBatch * kDim, 0);
  CoderConfig config = small_config();
  config.decoder = DecoderConstraint::kUnitNorm;
  for (const float clip : {0.0f, 0.5f}) {
    CoderStep step(executor_, config, random_weights(), kBatch, 1.0);
    const Array input = executor_.make_from(kBatch, kDim, x);
    for (int i = 1; i <= 3; ++i) step.run(input, input, {.rate = 0.05f, .step = i}, clip, false);
    const auto w = step.weights().w_dec;
    for (std::size_t j = 0; j < kLatents; ++j) {
      double squares = 0;
      for (std::size_t d = 0; d < kDim; ++d) squares += double{w[j * kDim + d]} * w[j * kDim + d];
      EXPECT_NEAR(squares, 1.0, 1e-5);
    }
  }
}

// Norm-aware selection is free of scale: doubling a decoder row while halving its encoder row and bias
// changes neither which latents win nor the output.
TEST_P(CoderStepTest, NormAwareSelectionIgnoresScale) {
  const auto x = normals(kBatch * kDim, 0);
  CoderConfig config = small_config();
  config.decoder = DecoderConstraint::kNormAware;
  CoderWeights scaled = random_weights();
  for (std::size_t j = 0; j < kLatents; ++j) {
    const float s = j % 2 == 0 ? 4.0f : 0.25f;
    for (std::size_t d = 0; d < kDim; ++d) scaled.w_dec[j * kDim + d] *= s, scaled.w_enc[j * kDim + d] /= s;
    scaled.b_enc[j] /= s;
  }
  const Array input = executor_.make_from(kBatch, kDim, x);
  const Array a = executor_.make(kBatch, kDim), b = executor_.make(kBatch, kDim);
  SparseCoder(executor_, config, random_weights(), kBatch).reconstruct(input, a);
  SparseCoder(executor_, config, scaled, kBatch).reconstruct(input, b);
  const auto ya = executor_.download_f32(a), yb = executor_.download_f32(b);
  for (std::size_t i = 0; i < ya.size(); ++i) EXPECT_NEAR(ya[i], yb[i], 1e-5);
}

TEST_P(CoderStepTest, TrainingLowersTheLossAndCountsFirings) {
  const auto x = normals(kBatch * kDim, 0);
  CoderStep step(executor_, small_config(), random_weights(), kBatch, 1.0);
  const Array input = executor_.make_from(kBatch, kDim, x);
  double first = 0, last = 0;
  for (int i = 1; i <= 200; ++i) {
    const auto r = step.run(input, input, {.rate = 0.01f, .step = i}, 0, true);
    if (i == 1) first = r.loss;
    last = r.loss;
    EXPECT_LE(r.l0, kK);
  }
  EXPECT_LT(last, 0.2 * first);
  for (const auto& [name, tensor] : step.state()) {
    if (name != "fired") continue;
    const auto fired = executor_.download_u32(tensor);
    EXPECT_LE(std::accumulate(fired.begin(), fired.end(), 0u), 200u * kBatch * kK);
    EXPECT_GT(std::accumulate(fired.begin(), fired.end(), 0u), 200u * kBatch);
  }
}

// The step fetches ages only when a latent may be dead; the test looks each time.
TEST_P(CoderStepTest, DeadLatentsAreFoundInTheStepInWhichTheyDie) {
  for (const std::int64_t window : {kBatch * 3, kBatch * 7 + 1}) {
    CoderConfig config = small_config();
    config.aux_k = 2;
    config.dead_window = window;
    CoderStep step(executor_, config, random_weights(), kBatch, 1.0);
    Tensor ages;
    for (const auto& [name, tensor] : step.state())
      if (name == "samples_since_fired") ages = tensor;
    std::int64_t most = 0;
    for (int i = 1; i <= 40; ++i) {
      std::int64_t dead = 0;
      for (const std::uint32_t age : executor_.download_u32(ages)) dead += age >= window;
      const Array input =
          executor_.make_from(kBatch, kDim, normals(kBatch * kDim, static_cast<std::uint64_t>(i / 4)));
      EXPECT_EQ(step.run(input, input, {.rate = 0.1f, .step = i}, 0, false).dead, dead) << "step " << i;
      most = std::max(most, dead);
    }
    EXPECT_GT(most, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, CoderStepTest, testing::ValuesIn(backends_that_run()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace polysem
