#include <gtest/gtest.h>

#include <cmath>

#include "polysem/executor.hpp"

namespace polysem {
namespace {

// Position 6 at half scale turns as position 3 does, by 3 and by 3 * 100^(-1/2).
TEST(ReferenceRope, ScalesPositions) {
  const auto backend = open_backend("reference");
  Executor run(*backend);
  const Array positions = run.make_from(1, 1, std::vector<std::int32_t>{6});
  const Array x = run.make_from(1, 4, std::vector<float>{1, 0, 0, 1});
  run.run(Rope{.rows = 1, .heads = 1, .head_dim = 4, .rotary = 4, .base = 100.0f, .position_scale = 0.5f},
          {.positions = positions, .x = x});
  const auto turned = run.download_f32(x);
  EXPECT_FLOAT_EQ(turned[0], static_cast<float>(std::cos(3.0)));
  EXPECT_FLOAT_EQ(turned[1], static_cast<float>(std::sin(3.0)));
  EXPECT_FLOAT_EQ(turned[2], static_cast<float>(-std::sin(0.3)));
  EXPECT_FLOAT_EQ(turned[3], static_cast<float>(std::cos(0.3)));
}

}  // namespace
}  // namespace polysem
