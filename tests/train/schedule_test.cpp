#include "polysem/schedule.hpp"

#include <gtest/gtest.h>

namespace polysem {
namespace {

TEST(LearningRate, WarmsUpStaysAndDecays) {
  const LearningRate rate{.peak = 2.0, .warmup = 10, .decay = 20, .steps = 100};
  EXPECT_DOUBLE_EQ(rate.at(1), 0.2);
  EXPECT_DOUBLE_EQ(rate.at(10), 2.0);
  EXPECT_DOUBLE_EQ(rate.at(80), 2.0);
  EXPECT_DOUBLE_EQ(rate.at(81), 2.0);   // 20 steps are left, this one included
  EXPECT_DOUBLE_EQ(rate.at(91), 1.0);   // 10 of 20
  EXPECT_DOUBLE_EQ(rate.at(100), 0.1);  // the last step still moves
}

TEST(LearningRate, CosineFallsToATenth) {
  const LearningRate rate{
      .peak = 1.0, .shape = LearningRate::Shape::kCosine, .warmup = 0, .decay = 0, .steps = 100};
  EXPECT_NEAR(rate.at(50), 0.55, 1e-12);  // the middle of 1 and 0.1
  EXPECT_NEAR(rate.at(100), 0.1, 1e-12);
  for (int step = 2; step <= 100; ++step) EXPECT_LT(rate.at(step), rate.at(step - 1));
}

TEST(LearningRate, NeverNegativeOrAboveThePeak) {
  for (const int warmup : {0, 1, 7}) {
    for (const int decay : {0, 1, 7, 20}) {
      const LearningRate rate{.peak = 1.0, .warmup = warmup, .decay = decay, .steps = 10};
      for (int step = 1; step <= 10; ++step) {
        EXPECT_GT(rate.at(step), 0.0);
        EXPECT_LE(rate.at(step), 1.0);
      }
    }
  }
}

}  // namespace
}  // namespace polysem
