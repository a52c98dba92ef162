#include "polysem/growing_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "polysem/random.hpp"

namespace polysem {
namespace {

TEST(GrowingHistogram, CountsEveryValueInItsBin) {
  GrowingHistogram histogram;
  EXPECT_EQ(histogram.limit(), 0.0);
  for (const float value : {0.5f, 1.0f, 3.0f, 7.9f, 7.99f}) histogram.add(value);
  EXPECT_EQ(histogram.limit(), 8.0);  // bins of 1/8
  EXPECT_EQ(histogram.counts()[4], 1u);
  EXPECT_EQ(histogram.counts()[8], 1u);
  EXPECT_EQ(histogram.counts()[24], 1u);
  EXPECT_EQ(histogram.counts()[63], 2u);
  EXPECT_EQ(histogram.total(), 5u);
}

TEST(GrowingHistogram, OrderDoesNotMatter) {
  const Random random(7, RandomStream::kData);
  std::vector<float> values;
  for (std::uint64_t i = 0; i < 2000; ++i)
    values.push_back(random.uniform(i) * random.uniform(i + 5000) * 300);
  std::erase(values, 0.0f);
  GrowingHistogram up, down, mixed;
  for (const float value : values) mixed.add(value);
  std::sort(values.begin(), values.end());
  for (const float value : values) up.add(value);
  std::reverse(values.begin(), values.end());
  for (const float value : values) down.add(value);
  EXPECT_EQ(up.counts(), down.counts());
  EXPECT_EQ(up.counts(), mixed.counts());
  EXPECT_EQ(up.limit(), down.limit());
  EXPECT_EQ(std::accumulate(up.counts().begin(), up.counts().end(), std::uint64_t{0}), values.size());
}

TEST(GrowingHistogram, ExtremeValuesStayInside) {
  GrowingHistogram histogram;
  histogram.add(1e-45f);  // the smallest denormal
  EXPECT_GT(histogram.limit(), 0.0);
  histogram.add(3.4e38f);
  EXPECT_EQ(histogram.counts()[0], 1u);
  EXPECT_EQ(histogram.total(), 2u);
}

TEST(GrowingHistogram, QuantileOfEvenValues) {
  GrowingHistogram histogram;
  EXPECT_EQ(histogram.quantile_of(1.0), 0.0);
  for (int i = 1; i <= 1000; ++i) histogram.add(static_cast<float>(i) * 0.01f);
  EXPECT_NEAR(histogram.quantile_of(5.0), 0.5, 0.01);
  EXPECT_NEAR(histogram.quantile_of(1.0), 0.1, 0.01);
  EXPECT_EQ(histogram.quantile_of(100.0), 1.0);
  EXPECT_EQ(histogram.quantile_of(-1.0), 0.0);
}

}  // namespace
}  // namespace polysem
