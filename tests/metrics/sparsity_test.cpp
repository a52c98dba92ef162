#include "polysem/metrics_sparsity.hpp"

#include <gtest/gtest.h>

#include "polysem/error.hpp"

namespace polysem {
namespace {

// Four rows of five latents: latent 0 fires on all, 1 on two, 3 once with a negative value; 2 is only ever
// selected with value 0, which is not firing; 4 never occurs.
TEST(Sparsity, ByHand) {
  SparsityMetrics metrics(5);
  metrics.add(2, std::vector<float>{1, 2, 3, 0}, std::vector<std::int32_t>{0, 1, 0, 2});
  metrics.add(2, std::vector<float>{1, -4, 1, 2}, std::vector<std::int32_t>{0, 3, 0, 1});
  const auto r = metrics.result();
  EXPECT_EQ(r.rows, 4);
  EXPECT_DOUBLE_EQ(r.l0, 7.0 / 4.0);
  EXPECT_DOUBLE_EQ(r.l1, 14.0 / 4.0);
  EXPECT_EQ(r.alive, 3);
  EXPECT_EQ(r.dead, 2);
  EXPECT_DOUBLE_EQ(r.dead_fraction, 0.4);
  EXPECT_DOUBLE_EQ(r.above_10_percent, 0.6);
  EXPECT_EQ(r.histogram.counts[DensityBins::kBins - 1], 1);  // density 1
  EXPECT_EQ(r.histogram.counts[DensityBins::kBins - 2], 1);  // density 1/2, log10 = -0.301
  EXPECT_EQ(r.histogram.counts[DensityBins::kBins - 3], 1);  // density 1/4, log10 = -0.602
}

TEST(Sparsity, RefusesIdsOutOfRange) {
  SparsityMetrics metrics(2);
  EXPECT_THROW(metrics.add(1, std::vector<float>{1}, std::vector<std::int32_t>{2}), Error);
  EXPECT_THROW(metrics.add(1, std::vector<float>{1}, std::vector<std::int32_t>{-1}), Error);
}

}  // namespace
}  // namespace polysem
