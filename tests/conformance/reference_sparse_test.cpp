// The reference backend's sparse ops against small examples worked by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/executor.hpp"

namespace polysem {
namespace {

using Values = std::vector<float>;
using Ids = std::vector<std::int32_t>;

class ReferenceSparse : public testing::Test {
 protected:
  std::unique_ptr<Backend> backend_ = open_backend("reference");
  Executor run_{*backend_};

  Array matrix(std::int64_t rows, std::int64_t cols, const Values& values) {
    return run_.make_from(rows, cols, values);
  }
  Array ids(const Ids& values) { return run_.make_from(1, static_cast<std::int64_t>(values.size()), values); }

  struct Chosen {
    Values values;
    Ids ids;
    std::uint32_t nonfinite;
  };
  // One row x = (1) over latents whose pre-activations are the given ones.
  Chosen choose(const Values& h, std::int64_t k, const Values& scale = {}, const Ids& candidates = {}) {
    const auto n = static_cast<std::int64_t>(h.size()), c = static_cast<std::int64_t>(candidates.size());
    const Array x = matrix(1, 1, {1}), w = matrix(n, 1, h), b = run_.zeros(1, n);
    const Array s = scale.empty() ? Array() : matrix(1, n, scale), among = c == 0 ? Array() : ids(candidates);
    const Array values = run_.make(1, k), out = run_.make(1, k, DType::kI32),
                bad = run_.zeros(1, 1, DType::kU32);
    run_.run(EncodeTopK{.rows = 1, .d_in = 1, .latents = n, .k = k, .candidates = c}, {.x = x,
                                                                                       .w_enc = w,
                                                                                       .b_enc = b,
                                                                                       .scale = s,
                                                                                       .candidates = among,
                                                                                       .values = values,
                                                                                       .ids = out,
                                                                                       .nonfinite = bad});
    return {run_.download_f32(values), run_.download_i32(out), run_.download_u32(bad)[0]};
  }
};

TEST_F(ReferenceSparse, EncodeKeepsTheLargestInLatentOrder) {
  const Chosen c = choose({1, 5, -2, 3, 4}, 3);
  EXPECT_EQ(c.ids, (Ids{1, 3, 4}));
  EXPECT_EQ(c.values, (Values{5, 3, 4}));
}

TEST_F(ReferenceSparse, EncodeBreaksTiesByTheLowestLatent) {
  EXPECT_EQ(choose({2, 7, 2, 2, 7}, 3).ids, (Ids{0, 1, 4}));
  EXPECT_EQ(choose({0.0f, -0.0f, 0.0f}, 2).ids, (Ids{0, 1}));
}

TEST_F(ReferenceSparse, EncodeChoosesBeforeItRectifies) {
  const Chosen c = choose({-3, -1, -2}, 2);
  EXPECT_EQ(c.ids, (Ids{1, 2}));
  EXPECT_EQ(c.values, (Values{0, 0}));
}

TEST_F(ReferenceSparse, EncodeRanksByScaleButKeepsTheValue) {
  const Chosen c = choose({1, 2, 3}, 1, {4, 1, 1});
  EXPECT_EQ(c.ids, Ids{0});
  EXPECT_EQ(c.values, Values{1});
}

TEST_F(ReferenceSparse, EncodeAmongCandidates) {
  const Chosen c = choose({9, 1, 8, 2, 7}, 2, {}, {1, 3, 4});
  EXPECT_EQ(c.ids, (Ids{3, 4}));
  EXPECT_EQ(c.values, (Values{2, 7}));
  EXPECT_THROW(choose({1, 2, 3}, 1, {}, {2, 1}), Error);
  EXPECT_THROW(choose({1, 2, 3}, 1, {}, {1, 3}), Error);
}

TEST_F(ReferenceSparse, EncodeFlagsRowsThatAreNotFinite) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    const Chosen c = choose({1, bad, 3}, 2);
    EXPECT_EQ(c.nonfinite, 1u);
    EXPECT_EQ(c.values, (Values{0, 0}));
    EXPECT_LT(c.ids[0], c.ids[1]);
  }
  EXPECT_EQ(choose({1, 2, 3}, 2).nonfinite, 0u);
}

// W_dec rows (1, 0), (0, 1), (1, 1); row 0 has 2 * latent 0 + 3 * latent 2, row 1 nothing.
TEST_F(ReferenceSparse, DecodeByHand) {
  const Array values = matrix(1, 2, {2, 3}), where = ids({0, 2}), offsets = ids({0, 2, 2});
  const Array w = matrix(3, 2, {1, 0, 0, 1, 1, 1}), bias = matrix(1, 2, {10, 20}),
              base = matrix(2, 2, {1, 2, 3, 4});
  const Array target = matrix(2, 2, {16, 26, 10, 20});
  const Array output = run_.make(2, 2), error = run_.make(2, 2), loss = run_.make(1, 2);
  run_.run(SparseDecode{.rows = 2, .latents = 3, .d_out = 2, .capacity = 2}, {.values = values,
                                                                              .ids = where,
                                                                              .row_offsets = offsets,
                                                                              .w_dec = w,
                                                                              .bias = bias,
                                                                              .base = base,
                                                                              .target = target,
                                                                              .output = output,
                                                                              .error = error,
                                                                              .row_loss = loss});
  EXPECT_EQ(run_.download_f32(output), (Values{16, 25, 13, 24}));
  EXPECT_EQ(run_.download_f32(error), (Values{0, -1, 3, 4}));
  EXPECT_EQ(run_.download_f32(loss), (Values{1, 25}));
}

TEST_F(ReferenceSparse, GradientPassesOnlyActiveValues) {
  const Array error = matrix(1, 2, {1, 2}), w = matrix(3, 2, {1, 0, 0, 1, 1, 1}), g = run_.make(1, 3);
  run_.run(SparseGradValues{.rows = 1, .latents = 3, .d_out = 2, .k = 3, .capacity = 3, .scale = 10},
           {.error = error,
            .w_dec = w,
            .values = matrix(1, 3, {1, 0, 5}),
            .ids = ids({0, 1, 2}),
            .row_offsets = {},
            .gradient = g});
  EXPECT_EQ(run_.download_f32(g), (Values{10, 0, 30}));
}

TEST_F(ReferenceSparse, TransposeAndStatsByHand) {
  const Array values = matrix(1, 6, {1, 2, 0, 4, 5, 6}),
              where = ids({0, 2, 1, 2, 0, 2});  // three rows of two
  const Array begin = run_.make(1, 5, DType::kI32), entries = run_.make(1, 6, DType::kI32),
              rows = run_.make(1, 6, DType::kI32);
  run_.run(TransposeCodes{.rows = 3, .latents = 4, .k = 2, .capacity = 6}, {.values = values,
                                                                            .ids = where,
                                                                            .row_offsets = {},
                                                                            .begin = begin,
                                                                            .entries = entries,
                                                                            .entry_rows = rows});
  EXPECT_EQ(run_.download_i32(begin), (Ids{0, 2, 2, 5, 5}));  // latent 1 has but a 0
  Ids order = run_.download_i32(entries), of_row = run_.download_i32(rows);
  order.resize(5), of_row.resize(5);
  EXPECT_EQ(order, (Ids{0, 4, 1, 3, 5}));
  EXPECT_EQ(of_row, (Ids{0, 2, 0, 1, 2}));

  const Array fired = run_.zeros(1, 4, DType::kU32), since = run_.zeros(1, 4, DType::kU32);
  run_.upload(fired, std::vector<std::uint32_t>{7, 7, 0xfffffffeu, 7});
  run_.upload(since, std::vector<std::uint32_t>{7, 7, 7, 0xfffffffeu});
  run_.run(FiringStats{3, 4}, {.begin = begin, .counts = {}, .fired = fired, .since = since});
  EXPECT_EQ(run_.download_u32(fired), (std::vector<std::uint32_t>{9, 7, 0xffffffffu, 7}));
  EXPECT_EQ(run_.download_u32(since), (std::vector<std::uint32_t>{0, 10, 0, 0xffffffffu}));

  const Array dense = run_.make(3, 4);
  run_.run(ScatterDense{.rows = 3, .latents = 4, .k = 2, .capacity = 6},
           {.values = values, .ids = where, .row_offsets = {}, .out = dense});
  EXPECT_EQ(run_.download_f32(dense), (Values{1, 0, 2, 0, 0, 0, 4, 0, 5, 0, 6, 0}));
}

// Ids and offsets lie in memory, where validate() does not look.
TEST_F(ReferenceSparse, RefusesCodesThatPointOutside) {
  const Array out = run_.make(2, 3);
  const auto scatter = [&](const Ids& where, const Ids& offsets) {
    run_.run(ScatterDense{.rows = 2, .latents = 3, .capacity = 3},
             {.values = matrix(1, 3, {1, 2, 3}), .ids = ids(where), .row_offsets = ids(offsets), .out = out});
  };
  scatter({0, 2, 1}, {0, 2, 3});
  EXPECT_THROW(scatter({0, 3, 1}, {0, 2, 3}), Error);
  EXPECT_THROW(scatter({0, -1, 1}, {0, 2, 3}), Error);
  EXPECT_THROW(scatter({2, 0, 1}, {0, 2, 3}), Error);
  EXPECT_THROW(scatter({1, 1, 1}, {0, 2, 3}), Error);
  EXPECT_THROW(scatter({0, 2, 1}, {0, 3, 2}), Error);
  EXPECT_THROW(scatter({0, 2, 1}, {0, 2, 4}), Error);
  EXPECT_THROW(scatter({0, 2, 1}, {1, 2, 3}), Error);
}

TEST_F(ReferenceSparse, RefusesSortedCodesThatPointOutside) {
  const Array g = run_.make(2, 1), g_b = run_.make(1, 2), h = run_.make(2, 1), one = run_.zeros(1, 1),
              two = run_.zeros(1, 2);
  const auto grad = [&](const Ids& begin, const Ids& entries, const Ids& rows) {
    run_.run(LatentGrad{.rows = 1, .latents = 2, .d_in = 1, .d_out = 1, .capacity = 2},
             {.begin = ids(begin),
              .entries = ids(entries),
              .entry_rows = ids(rows),
              .values = two,
              .gradient = two,
              .error = one,
              .x = one,
              .g_enc = g,
              .g_dec = h,
              .g_b = g_b});
  };
  grad({0, 1, 2}, {1, 0}, {0, 0});
  EXPECT_THROW(grad({0, 1, 3}, {1, 0}, {0, 0}), Error);
  EXPECT_THROW(grad({0, 2, 1}, {1, 0}, {0, 0}), Error);
  EXPECT_THROW(grad({1, 1, 2}, {1, 0}, {0, 0}), Error);
  EXPECT_THROW(grad({0, 1, 2}, {2, 0}, {0, 0}), Error);
  EXPECT_THROW(grad({0, 1, 2}, {1, 0}, {0, 1}), Error);
  grad({0, 1, 1}, {1, 99}, {0, 99});  // beyond the last entry anything may stand
}

}  // namespace
}  // namespace polysem
