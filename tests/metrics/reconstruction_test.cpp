#include "polysem/metrics_reconstruction.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {
namespace {

std::vector<float> rows_with_large_mean(int rows, int dim) {
  const Random random(11, RandomStream::kData);
  std::vector<float> x(static_cast<std::size_t>(rows * dim));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 1000.0f + random.normal(i);
  return x;
}

TEST(Reconstruction, PredictingTheMeanExplainsNothing) {
  const auto x = rows_with_large_mean(500, 7);
  std::vector<float> mean(7, 0.0f);
  for (int d = 0; d < 7; ++d) {
    double sum = 0;
    for (int r = 0; r < 500; ++r) sum += x[static_cast<std::size_t>(r * 7 + d)];
    mean[static_cast<std::size_t>(d)] = static_cast<float>(sum / 500);
  }
  ReconstructionMetrics metrics(7);
  for (int r = 0; r < 500; ++r) metrics.add(std::span(x).subspan(static_cast<std::size_t>(r * 7), 7), mean);
  EXPECT_NEAR(metrics.result().explained_variance, 0.0, 1e-6);
}

// By hand: x = (3, 4), (0, 0), (0, 2); y = (3, 4), (1, 0), (0, 1). Mean x = (1, 2): sum |x - mean|^2 = 8 + 5
// + 1.
TEST(Reconstruction, ByHand) {
  ReconstructionMetrics metrics(2);
  metrics.add(std::vector<float>{3, 4, 0, 0}, std::vector<float>{3, 4, 1, 0});
  metrics.add(std::vector<float>{0, 2}, std::vector<float>{0, 1});
  const auto r = metrics.result();
  EXPECT_EQ(r.rows, 3);
  EXPECT_DOUBLE_EQ(r.mse, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(r.fvu, 2.0 / 14.0);
  EXPECT_DOUBLE_EQ(r.cossim, 1.0);
  EXPECT_DOUBLE_EQ(r.l2_norm_in, 7.0 / 3.0);
  EXPECT_DOUBLE_EQ(r.l2_norm_out, 7.0 / 3.0);
  EXPECT_DOUBLE_EQ(r.l2_ratio, 0.75);
  EXPECT_DOUBLE_EQ(r.relative_reconstruction_bias, 27.0 / 27.0);
}

TEST(Reconstruction, NothingAddedOrNoVarianceIsNotANumber) {
  ReconstructionMetrics metrics(2);
  EXPECT_TRUE(std::isnan(metrics.result().fvu));
  metrics.add(std::vector<float>{1, 1, 1, 1}, std::vector<float>{1, 1, 1, 1});
  EXPECT_TRUE(std::isnan(metrics.result().fvu));
  EXPECT_THROW(metrics.add(std::vector<float>{1, 1, 1}, std::vector<float>{1, 1, 1}), Error);
}

}  // namespace
}  // namespace polysem
