#include "polysem/latent_directions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

std::vector<float> normals(std::size_t count, std::uint32_t substream) {
  const Random random(3, RandomStream::kData, substream);
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = random.normal(i);
  return values;
}

double dot(const float* a, const float* b, std::size_t n) {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

/// Indices by descending value; equal values by ascending index.
std::vector<std::size_t> ranking(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  return order;
}

class LatentDirections : public ::testing::Test {
 protected:
  std::unique_ptr<Backend> backend_ = open_backend("reference");
  Executor executor_{*backend_};
};

constexpr std::size_t kDim = 9;

TEST_F(LatentDirections, NearestAgreeWithBruteForce) {
  constexpr std::size_t kLatents = 5000;  // more than one block
  const std::vector<float> decoder = normals(kLatents * kDim, 1);
  const std::vector<std::int64_t> latents{0, 4095, 4096, 4999};
  const auto nearest = nearest_latents(executor_, decoder, kDim, latents, 6);
  ASSERT_EQ(nearest.size(), latents.size());
  for (std::size_t q = 0; q < latents.size(); ++q) {
    const float* own = decoder.data() + static_cast<std::size_t>(latents[q]) * kDim;
    std::vector<double> cosines(kLatents);
    for (std::size_t i = 0; i < kLatents; ++i) {
      const float* other = decoder.data() + i * kDim;
      cosines[i] = dot(own, other, kDim) / std::sqrt(dot(own, own, kDim) * dot(other, other, kDim));
    }
    cosines[static_cast<std::size_t>(latents[q])] = -2.0;
    const auto order = ranking(cosines);
    ASSERT_EQ(nearest[q].size(), 6u);
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(nearest[q][i].index, static_cast<std::int64_t>(order[i]));
      EXPECT_NEAR(nearest[q][i].value, cosines[order[i]], 1e-5);  // 9 products in f32
    }
  }
}

TEST_F(LatentDirections, TiesGoToTheLowerIndexAndZeroRowsAreHarmless) {
  const std::vector<float> decoder{1, 0, /**/ 0, 2, /**/ 0, 0, /**/ 3, 0, /**/ 5, 0, /**/ 0, -1};
  const std::vector<std::int64_t> latents{0, 2};
  const auto nearest = nearest_latents(executor_, decoder, 2, latents, 3);
  EXPECT_EQ(nearest[0][0].index, 3);
  EXPECT_EQ(nearest[0][1].index, 4);
  EXPECT_EQ(nearest[0][2].index, 1);
  for (const Ranked& other : nearest[1]) EXPECT_EQ(other.value, 0.0f);
}

TEST_F(LatentDirections, FewerOthersThanAskedFor) {
  const std::vector<float> decoder{1, 0, 0, 1};
  const std::vector<std::int64_t> latents{1};
  EXPECT_EQ(nearest_latents(executor_, decoder, 2, latents, 10)[0].size(), 1u);
  EXPECT_TRUE(nearest_latents(executor_, decoder, 2, latents, 0)[0].empty());
}

TEST_F(LatentDirections, LogitEffectsAgreeWithBruteForce) {
  constexpr std::size_t kLatents = 20, kVocabulary = 4200;
  const std::vector<float> decoder = normals(kLatents * kDim, 2);
  const std::vector<float> norm = normals(kDim, 3);
  const std::vector<float> unembedding = normals(kVocabulary * kDim, 4);
  const std::vector<std::int64_t> latents{19, 3};
  const auto effects = logit_effects(executor_, decoder, norm, unembedding, kDim, latents, 5);
  for (std::size_t q = 0; q < latents.size(); ++q) {
    std::vector<float> direction(kDim);
    for (std::size_t j = 0; j < kDim; ++j) {
      direction[j] = decoder[static_cast<std::size_t>(latents[q]) * kDim + j] * norm[j];
    }
    std::vector<double> logits(kVocabulary);
    for (std::size_t t = 0; t < kVocabulary; ++t) {
      logits[t] = dot(direction.data(), unembedding.data() + t * kDim, kDim);
    }
    const double mean = std::accumulate(logits.begin(), logits.end(), 0.0) / kVocabulary;
    double squares = 0.0;
    for (const double logit : logits) squares += (logit - mean) * (logit - mean);
    EXPECT_NEAR(effects[q].spread, std::sqrt(squares / kVocabulary), 1e-4);
    const auto order = ranking(logits);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(effects[q].promoted[i].index, static_cast<std::int64_t>(order[i]));
      EXPECT_NEAR(effects[q].promoted[i].value, logits[order[i]] - mean, 1e-4);
      const std::size_t low = order[kVocabulary - 1 - i];
      EXPECT_EQ(effects[q].suppressed[i].index, static_cast<std::int64_t>(low));
      EXPECT_NEAR(effects[q].suppressed[i].value, logits[low] - mean, 1e-4);
    }
  }
}

TEST_F(LatentDirections, RefusesSizesThatDisagree) {
  const std::vector<float> decoder(8), unembedding(6);
  const std::vector<std::int64_t> inside{1}, outside{4};
  EXPECT_THROW(nearest_latents(executor_, decoder, 3, inside, 1), Error);
  EXPECT_THROW(nearest_latents(executor_, decoder, 2, outside, 1), Error);
  EXPECT_THROW(logit_effects(executor_, decoder, {}, unembedding, 4, inside, 1), Error);
  EXPECT_THROW(logit_effects(executor_, decoder, decoder, unembedding, 2, inside, 1), Error);
  EXPECT_THROW(logit_effects(executor_, decoder, {}, {}, 2, inside, 1), Error);
  EXPECT_NO_THROW(logit_effects(executor_, decoder, {}, unembedding, 2, inside, 1));
}

}  // namespace
}  // namespace polysem
