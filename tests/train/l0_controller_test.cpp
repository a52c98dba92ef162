#include "lib/train/l0_controller.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace polysem {
namespace {

// So long a run has a window of 100 steps and a rate of 3e-4. 10 % above the target moves the multiplier by
// rate * tanh(0.2); on its way there within a window it moves a hundredth of that.
TEST(L0Controller, FollowsItsFormula) {
  L0Controller controller(10, 200'000);
  controller.observe(11);
  EXPECT_DOUBLE_EQ(controller.multiplier(), 1 + 3e-4 * std::tanh(0.2));
  double before = controller.multiplier();
  controller.observe(10);  // smoothed 10.99, trend -0.0005: there in 2000 steps, which is no reason to rest
  EXPECT_DOUBLE_EQ(controller.multiplier(), before * (1 + 3e-4 * std::tanh(2 * 0.99 / 10)));
  before = controller.multiplier();
  controller.observe(-300);  // smoothed 7.88, trend -0.156: below the target and falling
  EXPECT_LT(controller.multiplier(), before * (1 - 1e-4));
  before = controller.multiplier();
  controller.observe(2000);  // smoothed 27.8, trend rising: above, and not on its way
  EXPECT_GT(controller.multiplier(), before * (1 + 1e-4));
  before = controller.multiplier();
  for (int i = 0; i < 20; ++i) controller.observe(-500), before = controller.multiplier();
  controller.observe(600);  // far below, and rising: it need not fall on
  EXPECT_GE(controller.multiplier(), before * (1 - 3.1e-4));
}

TEST(L0Controller, GoesTheRightWayAndStaysInBounds) {
  L0Controller up(32, 100), down(32, 100);
  for (int i = 0; i < 5000; ++i) up.observe(1000), down.observe(0);
  EXPECT_DOUBLE_EQ(up.multiplier(), 100);
  EXPECT_DOUBLE_EQ(down.multiplier(), 0.01);
}

// A plant whose L0 answers the coefficient with a delay, from far off on either side, in a short run.
TEST(L0Controller, BringsAPlantToItsTarget) {
  for (const double start : {0.2, 5.0}) {
    L0Controller controller(32, 400);
    double level = 32 / start;
    for (int i = 0; i < 400; ++i) {
      level += 0.1 * (32 / (start * controller.multiplier()) - level);
      controller.observe(level);
    }
    EXPECT_NEAR(level, 32, 3) << "from " << start;
  }
}

TEST(L0Controller, NumbersCarryTheWholeState) {
  L0Controller a(32, 500), b(32, 500);
  for (int i = 0; i < 20; ++i) a.observe(40 + i % 7);
  auto from = a.numbers(), to = b.numbers();
  ASSERT_EQ(from.size(), to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    EXPECT_EQ(from[i].name, to[i].name);
    *to[i].value = *from[i].value;
  }
  for (int i = 0; i < 20; ++i) {
    a.observe(30), b.observe(30);
    EXPECT_EQ(a.multiplier(), b.multiplier());
  }
}

}  // namespace
}  // namespace polysem
