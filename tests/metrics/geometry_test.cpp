#include "polysem/metrics_geometry.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace polysem {
namespace {

// Three decoder directions in the plane at 0, 45 and 90 degrees: largest cosines are all cos 45. The encoder
// is the decoder with the last row turned round and scaled: cosines 0.7071, 0.7071, 0.
TEST(Geometry, ByHand) {
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  const CoderConfig config{.d_in = 2, .d_out = 2, .latents = 3, .k = 1};
  const CoderWeights weights{
      .w_enc = {1, 0, 1, 1, 0, -7}, .w_dec = {1, 0, 1, 1, 0, 3}, .b_enc = {}, .b_dec = {}};
  const auto r = coder_geometry(executor, config, weights);
  const double c = std::sqrt(0.5);
  EXPECT_NEAR(r.mean_max_decoder_cosine, c, 1e-6);
  EXPECT_NEAR(r.mean_max_encoder_cosine, (c + c + 0) / 3, 1e-6);
  EXPECT_NEAR(r.encoder_decoder_cosine, 1.0 / 3.0, 1e-6);
}

}  // namespace
}  // namespace polysem
