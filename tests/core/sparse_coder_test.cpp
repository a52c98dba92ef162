#include "polysem/sparse_coder.hpp"

#include <gtest/gtest.h>

#include "polysem/backend.hpp"
#include "tests/core/test_model.hpp"

// The library's big coder and the embedded one are the same function.
namespace polysem::core::testing {
namespace {

constexpr std::int64_t kRows = 20;

void expect_same(const std::string& recipe, const TestModel& model) {
  const Shape& s = model.shape;
  CoderConfig config;
  config.recipe = recipe;
  config.d_in = s.d_in, config.d_out = s.d_out, config.latents = s.latents, config.k = s.k;
  config.apply_b_dec_to_input = s.subtract;
  config.decoder = DecoderConstraint::kUnitNorm;  // which only training enforces
  const CoderWeights weights{.w_enc = {model.encoder.values.begin(), model.encoder.values.end()},
                             .w_dec = {model.decoder.values.begin(), model.decoder.values.end()},
                             .b_enc = model.encoder_bias,
                             .b_dec = model.decoder_bias,
                             .threshold = model.threshold};
  const auto backend = open_backend("reference", 1);
  Executor executor(*backend);
  SparseCoder coder(executor, config, weights, kRows);
  const auto x = Numbers(1).vector(kRows * s.d_in);
  const Array y = executor.make(kRows, s.d_out);
  coder.reconstruct(executor.make_from(kRows, s.d_in, x), y);
  const auto expected = executor.download_f32(y);

  const Opened opened(model.file());
  ASSERT_EQ(opened.status, POLYSEM_OK);
  std::vector<float> ours(kRows * s.d_out);
  ASSERT_EQ(polysem_reconstruct(opened.state, polysem_many(x.data(), kRows, s.d_in),
                                polysem_many_out(ours.data(), kRows, s.d_out)),
            POLYSEM_OK);
  // Sums of a few hundred terms of size 1: f32 keeps 1e-5 of them.
  double largest = 0;
  for (const float value : expected) largest = std::max(largest, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < ours.size(); ++i)
    ASSERT_NEAR(ours[i], expected[i], 1e-5 * largest) << recipe << i;
}

TEST(CoreAndSparseCoder, Relu) {
  expect_same("relu_l1", make_model({.d_in = 40, .d_out = 40, .latents = 90, .subtract = true}));
}

TEST(CoreAndSparseCoder, TopK) {
  expect_same("topk",
              make_model({.d_in = 40, .d_out = 40, .latents = 90, .activation = POLYSEM_TOPK, .k = 8}));
}

TEST(CoreAndSparseCoder, JumpReluTranscoder) {
  expect_same("jumprelu",
              make_model({.d_in = 40, .d_out = 25, .latents = 90, .activation = POLYSEM_JUMPRELU}));
}

}  // namespace
}  // namespace polysem::core::testing
