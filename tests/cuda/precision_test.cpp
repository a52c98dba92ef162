// What the CUDA backend asks cuBLASLt for. The emulated library cuts f32 inputs off after TF32's 10 bits of
// fraction where it is asked for TF32, and rounds to f16 and bf16 what it is given in those types.
#include <gtest/gtest.h>

#include "polysem/executor.hpp"

namespace polysem {
namespace {

// The same shape in each precision, so that the choice of an algorithm for one would fit the next.
TEST(CudaPrecision, EachIsAskedForByItself) {
  const auto backend = open_backend("cuda");
  Executor run(*backend);
  const float left = 1 + 0x1p-9f + 0x1p-11f + 0x1p-20f;
  const Array a = run.make_from(1, 1, std::vector<float>{left}),
              one = run.make_from(1, 1, std::vector<float>{1});
  const Array c = run.make(1, 1);
  const auto product = [&](Precision precision) {
    run.run(Gemm{.m = 1, .n = 1, .k = 1, .precision = precision}, {.a = a, .b = one, .bias = {}, .c = c});
    return run.download_f32(c)[0];
  };
  for (int repeat = 0; repeat < 3; ++repeat) {
    EXPECT_EQ(product(Precision::kF32), left);
    EXPECT_EQ(product(Precision::kTF32), 1 + 0x1p-9f);
    EXPECT_EQ(product(Precision::kF16), 1 + 0x1p-9f + 0x1p-10f);  // up, since it is more than half-way
    EXPECT_EQ(product(Precision::kBF16), 1);
  }
}

}  // namespace
}  // namespace polysem
