// The reference backend's dense ops against closed forms: what every other backend is checked by.
#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/executor.hpp"

namespace polysem {
namespace {

class ReferenceDense : public testing::Test {
 protected:
  std::unique_ptr<Backend> backend_ = open_backend("reference");
  Executor run_{*backend_};

  Array matrix(std::int64_t rows, std::int64_t cols, std::vector<float> values) {
    return run_.make_from(rows, cols, values);
  }
  Array ids(std::vector<std::int32_t> values) {
    return run_.make_from(1, static_cast<std::int64_t>(values.size()), values);
  }
};

using Values = std::vector<float>;

// [[1, 2, 3], [4, 5, 6]] times [[1, 0], [0, 1], [1, 1]] by hand.
TEST_F(ReferenceDense, GemmInEveryTransposition) {
  const Array a = matrix(2, 3, {1, 2, 3, 4, 5, 6}), at = matrix(3, 2, {1, 4, 2, 5, 3, 6});
  const Array b = matrix(3, 2, {1, 0, 0, 1, 1, 1}), bt = matrix(2, 3, {1, 0, 1, 0, 1, 1});
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const Array c = matrix(2, 2, {NAN, NAN, NAN, NAN});  // beta = 0 must not read c
      run_.run(Gemm{.m = 2, .n = 2, .k = 3, .transpose_a = ta, .transpose_b = tb},
               {.a = ta ? at : a, .b = tb ? bt : b, .bias = {}, .c = c});
      EXPECT_EQ(run_.download_f32(c), (Values{4, 5, 10, 11})) << ta << tb;
    }
  }
}

TEST_F(ReferenceDense, GemmEpilogueRunsInOrder) {
  const Array a = matrix(1, 1, {3}), b = matrix(1, 2, {2, -2}), bias = matrix(1, 2, {1, 1});
  const Array c = matrix(1, 2, {10, 4});
  run_.run(Gemm{.m = 1, .n = 2, .k = 1, .relu = true, .alpha = 2.0f, .beta = 0.5f},
           {.a = a, .b = b, .bias = bias, .c = c});
  EXPECT_EQ(run_.download_f32(c), (Values{2 * 6 + 5 + 1, 0}));  // 2 (-6) + 2 + 1 < 0
}

TEST_F(ReferenceDense, GemmBatchWithItsOwnAndASharedRight) {
  const Array a = matrix(2, 1, {2, 3}), b = matrix(2, 1, {5, 7}), c = run_.make(2, 1);
  run_.run(Gemm{.m = 1, .n = 1, .k = 1, .batch = 2}, {.a = a, .b = b, .bias = {}, .c = c});
  EXPECT_EQ(run_.download_f32(c), (Values{10, 21}));
  const Array shared = matrix(1, 1, {5});
  run_.run(Gemm{.m = 1, .n = 1, .k = 1, .batch = 2, .shared_b = true},
           {.a = a, .b = shared, .bias = {}, .c = c});
  EXPECT_EQ(run_.download_f32(c), (Values{10, 15}));
}

// 1 + 2^-8 lies half-way between two bf16 and goes to the even one, 1; 1 + 3 2^-8 goes up to 1 + 2^-6.
TEST_F(ReferenceDense, GemmRoundsInputsToBf16) {
  const Array a = matrix(1, 2, {1 + 0x1p-8f, 1 + 3 * 0x1p-8f}), b = matrix(2, 1, {1, 1}), c = run_.make(1, 1);
  run_.run(Gemm{.m = 1, .n = 1, .k = 2, .precision = Precision::kBF16}, {.a = a, .b = b, .bias = {}, .c = c});
  EXPECT_EQ(run_.download_f32(c), (Values{2 + 0x1p-6f}));
}

// The same for 10 bits of fraction, of which f16 has them over a smaller range: 65520 rounds to 65536, which
// is infinite, and 3 2^-26 to 2^-24, its smallest step.
TEST_F(ReferenceDense, GemmRoundsInputsToTf32AndF16) {
  const Array ones = matrix(2, 1, {1, 1}), c = run_.make(1, 1);
  const auto sum = [&](Precision precision, float left, float right) {
    run_.run(Gemm{.m = 1, .n = 1, .k = 2, .precision = precision},
             {.a = matrix(1, 2, {left, right}), .b = ones, .bias = {}, .c = c});
    return run_.download_f32(c)[0];
  };
  for (const Precision precision : {Precision::kTF32, Precision::kF16}) {
    EXPECT_EQ(sum(precision, 1 + 0x1p-11f, 1 + 3 * 0x1p-11f), 2 + 0x1p-9f);
    EXPECT_EQ(sum(precision, -1 - 0x1p-11f, -1 - 3 * 0x1p-11f), -2 - 0x1p-9f);
  }
  EXPECT_EQ(sum(Precision::kTF32, 65520, 0x1p100f), 0x1p100f);  // the range of f32
  EXPECT_EQ(sum(Precision::kF16, 65520, 0), INFINITY);
  EXPECT_EQ(sum(Precision::kF16, 65519, 0), 65504);
  EXPECT_EQ(sum(Precision::kF16, 3 * 0x1p-26f, 0), 0x1p-24f);
  EXPECT_EQ(sum(Precision::kF16, 0x1p-26f, 0), 0);
}

TEST_F(ReferenceDense, SumsInDouble) {
  const Array a = matrix(1, 3, {0x1p30f, 1, -0x1p30f}), ones = matrix(3, 1, {1, 1, 1}), c = run_.make(1, 1);
  run_.run(Gemm{.m = 1, .n = 1, .k = 3}, {.a = a, .b = ones, .bias = {}, .c = c});
  EXPECT_EQ(run_.download_f32(c), Values{1});
}

TEST_F(ReferenceDense, ElementwiseKinds) {
  using Kind = Elementwise::Kind;
  const Array a = matrix(1, 4, {-4, -0.25f, 0, 9}), b = matrix(1, 4, {1, 2, 3, 4}), out = run_.make(1, 4);
  const auto apply = [&](Kind kind, bool with_b, float alpha, float beta) {
    run_.run(Elementwise{.kind = kind,
                         .rows = 1,
                         .cols = 4,
                         .b_rows = with_b,
                         .b_cols = with_b ? 4 : 0,
                         .alpha = alpha,
                         .beta = beta},
             {.a = a, .b = with_b ? Tensor(b) : Tensor{}, .out = out});
    return run_.download_f32(out);
  };
  EXPECT_EQ(apply(Kind::kCopy, false, 2, 1), (Values{-7, 0.5f, 1, 19}));
  EXPECT_EQ(apply(Kind::kAxpby, true, 2, -1), (Values{-9, -2.5f, -3, 14}));
  EXPECT_EQ(apply(Kind::kMul, true, 3, 7), (Values{-12, -1.5f, 0, 108}));
  EXPECT_EQ(apply(Kind::kRelu, false, 1, 0), (Values{0, 0, 0, 9}));
  EXPECT_EQ(apply(Kind::kSqrt, false, 1, 0), (Values{0, 0, 0, 3}));
  const Values gate = apply(Kind::kSiluMul, true, 1, 0);
  EXPECT_FLOAT_EQ(gate[0], static_cast<float>(-4 / (1 + std::exp(4.0))));
  EXPECT_FLOAT_EQ(gate[3], static_cast<float>(36 / (1 + std::exp(-9.0))));
}

TEST_F(ReferenceDense, ElementwiseSpreadsRowsAndColumns) {
  const Array a = matrix(2, 2, {1, 2, 3, 4}), row = matrix(1, 2, {10, 20}), column = matrix(2, 1, {10, 20});
  Elementwise op{.kind = Elementwise::Kind::kAxpby,
                 .rows = 2,
                 .cols = 2,
                 .b_rows = 1,
                 .b_cols = 2,
                 .alpha = 1,
                 .beta = 1};
  const Array out = run_.make(2, 2);
  run_.run(op, {.a = a, .b = row, .out = out});
  EXPECT_EQ(run_.download_f32(out), (Values{11, 22, 13, 24}));
  op.b_rows = 2, op.b_cols = 1;
  run_.run(op, {.a = a, .b = column, .out = a});  // in place
  EXPECT_EQ(run_.download_f32(a), (Values{11, 12, 23, 24}));
}

TEST_F(ReferenceDense, ReduceKinds) {
  using Kind = Reduce::Kind;
  const Array a = matrix(2, 3, {1, 2, 3, -4, 5, -6}), b = matrix(1, 3, {1, 1, 2});
  const auto apply = [&](Kind kind, Reduce::Along along, bool with_b) {
    const std::int64_t results = along == Reduce::Along::kRows ? 2 : 3;
    const Array out = run_.make(1, results);
    run_.run(Reduce{.kind = kind, .along = along, .rows = 2, .cols = 3, .b_rows = with_b},
             {.a = a, .b = with_b ? Tensor(b) : Tensor{}, .out = out});
    return run_.download_f32(out);
  };
  constexpr auto kRows = Reduce::Along::kRows, kColumns = Reduce::Along::kColumns;
  EXPECT_EQ(apply(Kind::kSum, kRows, false), (Values{6, -5}));
  EXPECT_EQ(apply(Kind::kSum, kColumns, false), (Values{-3, 7, -3}));
  EXPECT_EQ(apply(Kind::kSumSquares, kRows, false), (Values{14, 77}));
  EXPECT_EQ(apply(Kind::kDot, kRows, true), (Values{9, -11}));
  EXPECT_EQ(apply(Kind::kSquaredDistance, kColumns, true), (Values{25, 17, 65}));
  EXPECT_EQ(apply(Kind::kMax, kColumns, false), (Values{1, 5, 3}));
  const Array out = matrix(1, 2, {100, 200});
  run_.run(Reduce{.rows = 2, .cols = 3, .accumulate = true}, {.a = a, .b = {}, .out = out});
  EXPECT_EQ(run_.download_f32(out), (Values{106, 195}));
}

TEST_F(ReferenceDense, FillConvertsAndSaturates) {
  const Array u = run_.make(1, 2, DType::kU32), i = run_.make(1, 2, DType::kI32);
  run_.run(Fill{1, 2, -3.7f}, {.out = u});
  run_.run(Fill{1, 2, -3.7f}, {.out = i});
  EXPECT_EQ(run_.download_u32(u), (std::vector<std::uint32_t>{0, 0}));
  EXPECT_EQ(run_.download_i32(i), (std::vector<std::int32_t>{-3, -3}));
}

// RandomFill is Random, shifted and scaled; a second fill that starts later continues the first.
TEST_F(ReferenceDense, RandomFillIsRandom) {
  const Array out = run_.make(3, 5), tail = run_.make(1, 5);
  for (const auto kind : {RandomFill::Kind::kUniform, RandomFill::Kind::kNormal}) {
    RandomFill op{.kind = kind,
                  .rows = 3,
                  .cols = 5,
                  .scale = 2.0f,
                  .shift = -1.0f,
                  .seed = 77,
                  .stream = RandomStream::kNoise,
                  .substream = 4,
                  .first = 1000};
    run_.run(op, {.out = out});
    const Values values = run_.download_f32(out);
    const Random random(77, RandomStream::kNoise, 4);
    for (std::uint64_t i = 0; i < 15; ++i) {
      const float draw =
          kind == RandomFill::Kind::kUniform ? random.uniform(1000 + i) : random.normal(1000 + i);
      EXPECT_EQ(values[i], static_cast<float>(-1.0 + 2.0 * draw));
    }
    op.rows = 1, op.first = 1010;
    run_.run(op, {.out = tail});
    EXPECT_EQ(run_.download_f32(tail), Values(values.begin() + 10, values.end()));
  }
}

TEST_F(ReferenceDense, GatherAndScatterSkipForeignIds) {
  const Array table = matrix(3, 2, {1, 2, 3, 4, 5, 6}), out = run_.make(4, 2), where = ids({2, -1, 0, 3});
  run_.run(GatherRows{4, 2, 3}, {.table = table, .ids = where, .out = out});
  EXPECT_EQ(run_.download_f32(out), (Values{5, 6, 0, 0, 1, 2, 0, 0}));
  const Array source = matrix(4, 2, {-1, -2, -3, -4, -5, -6, -7, -8});
  run_.run(ScatterRows{4, 2, 3}, {.source = source, .ids = where, .table = table});
  EXPECT_EQ(run_.download_f32(table), (Values{-5, -6, 3, 4, -1, -2}));
}

// Three steps by hand on one weight with gradients 1, -2, 0.5; with these betas every moment is exact.
TEST_F(ReferenceDense, AdamByHand) {
  const Array w = matrix(1, 1, {1}), m = matrix(1, 1, {0}), v = matrix(1, 1, {0});
  const float gradients[] = {1, -2, 0.5f}, ms[] = {0.5f, -0.75f, -0.125f}, vs[] = {0.25f, 1.1875f, 0.953125f};
  double expected = 1;
  for (int step = 1; step <= 3; ++step) {
    const Array g = matrix(1, 1, {gradients[step - 1] / 4});
    const AdamStep adam{.rate = 0x1p-6f,
                        .beta1 = 0.5f,
                        .beta2 = 0.75f,
                        .epsilon = 0x1p-20f,
                        .weight_decay = 0.125f,
                        .step = step};
    run_.run(AdamUpdate{.rows = 1, .cols = 1, .grad_scale = 4.0f, .adam = adam},
             {.gradient = g, .parameter = w, .m = m, .v = v});
    const double m_hat = ms[step - 1] / (1 - std::pow(0.5, step)),
                 v_hat = vs[step - 1] / (1 - std::pow(0.75, step));
    expected -= 0x1p-6 * (m_hat / (std::sqrt(v_hat) + 0x1p-20) + 0.125 * expected);
    EXPECT_EQ(run_.download_f32(m)[0], ms[step - 1]);
    EXPECT_EQ(run_.download_f32(v)[0], vs[step - 1]);
    EXPECT_NEAR(run_.download_f32(w)[0], expected, 1e-7 * step);  // one f32 rounding of about 1 a step
  }
}

TEST_F(ReferenceDense, ProjectAndNormalizeRows) {
  const Array direction = matrix(2, 2, {0.6f, 0.8f, 1, 0}), g = matrix(2, 2, {1, 0, 3, 4});
  run_.run(ProjectRows{2, 2}, {.direction = direction, .gradient = g});
  const Values projected = run_.download_f32(g);
  EXPECT_NEAR(projected[0], 1 - 0.36, 1e-7);
  EXPECT_NEAR(projected[1], -0.48, 1e-7);
  EXPECT_EQ(projected[2], 0.0f);
  EXPECT_EQ(projected[3], 4.0f);
  const Array rows = matrix(3, 2, {3, 4, 0, 0, 0, -2});
  run_.run(NormalizeRows{3, 2}, {.matrix = rows});
  EXPECT_EQ(run_.download_f32(rows), (Values{0.6f, 0.8f, 0, 0, 0, -1}));
}

TEST_F(ReferenceDense, OutOfMemoryIsAnErrorAndLeavesTheBackendUsable) {
  try {
    backend_->allocate(std::uint64_t{1} << 60);
    FAIL() << "allocated 2^60 bytes";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_NE(std::string(error.what()).find(std::to_string(std::uint64_t{1} << 60)), std::string::npos);
  }
  EXPECT_EQ(run_.download_f32(matrix(1, 1, {5})), Values{5});
}

}  // namespace
}  // namespace polysem
