#include "polysem/metrics_geometry.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "polysem/feature_geometry.hpp"
#include "polysem/random.hpp"

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
  EXPECT_NEAR(r.decoder_coherence, c, 1e-6);
  EXPECT_NEAR(r.mean_decoder_coherence, (c + c + 0) / 3, 1e-6);
}

// What the backend computes of a decoder is what feature_geometry() computes of its rows: more rows than one
// block of either product, some of them zero.
TEST(Geometry, AsFeatureGeometry) {
  const auto backend = open_backend("reference");
  Executor executor(*backend);
  const std::int64_t latents = 1100, dims = 5;
  const Random random(3, RandomStream::kData);
  std::vector<float> rows(static_cast<std::size_t>(latents * dims));
  for (std::size_t i = 50; i < rows.size(); ++i) rows[i] = random.normal(i);
  const CoderConfig config{.d_in = dims, .d_out = dims, .latents = latents, .k = 1};
  const CoderWeights weights{.w_enc = rows, .w_dec = rows, .b_enc = {}, .b_dec = {}};
  const auto r = coder_geometry(executor, config, weights);
  const auto g = feature_geometry({rows, latents, dims});
  EXPECT_NEAR(r.decoder_coherence, g.coherence, 1e-6);
  EXPECT_NEAR(r.capacity, g.capacity, 1e-4);
  EXPECT_NEAR(r.mean_dimensionality, g.capacity / 1100, 1e-7);
  EXPECT_EQ(r.min_dimensionality, 0);
  EXPECT_NEAR(r.dims_per_feature, g.dims_per_feature, 1e-7);
  EXPECT_NEAR(r.frame_potential_ratio, g.frame_potential / g.frame_potential_bound, 1e-5);
  EXPECT_EQ(r.welch_bound, welch_bound(latents, dims));
}

}  // namespace
}  // namespace polysem
