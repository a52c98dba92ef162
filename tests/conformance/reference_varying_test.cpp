// The reference backend's ops for codes of variable row length against small examples worked by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/executor.hpp"

namespace polysem {
namespace {

using Values = std::vector<float>;
using Ids = std::vector<std::int32_t>;
using Counts = std::vector<std::uint32_t>;

struct Codes {
  Values values;
  Ids ids, offsets;
};

class ReferenceVarying : public testing::Test {
 protected:
  std::unique_ptr<Backend> backend_ = open_backend("reference");
  Executor run_{*backend_};

  Array row(const Values& values) {
    return run_.make_from(1, static_cast<std::int64_t>(values.size()), values);
  }
  Array ids(const Ids& values) { return run_.make_from(1, static_cast<std::int64_t>(values.size()), values); }

  Codes codes_of(const Array& values, const Array& where, const Array& offsets) {
    Codes codes{run_.download_f32(values), run_.download_i32(where), run_.download_i32(offsets)};
    codes.values.resize(static_cast<std::size_t>(codes.offsets.back()));
    codes.ids.resize(codes.values.size());
    return codes;
  }

  struct Found {
    Codes active, band;
    Counts needed;
    std::uint32_t nonfinite;
  };
  // Two rows, x = 1 and x = -1, over latents whose pre-activations in the first are the given ones.
  Found above(const Values& h, const Values& threshold, float band, std::int64_t capacity,
              std::int64_t band_capacity) {
    const auto n = static_cast<std::int64_t>(h.size());
    const Array w = run_.make_from(n, 1, h), b = run_.zeros(1, n), x = run_.make_from(2, 1, Values{1, -1});
    const Array theta = threshold.empty() ? Array() : row(threshold);
    const Array values = run_.make(1, capacity), where = run_.make(1, capacity, DType::kI32),
                offsets = run_.make(1, 3, DType::kI32);
    const Array band_values = run_.make(1, band_capacity),
                band_ids = run_.make(1, band_capacity, DType::kI32),
                band_offsets = run_.make(1, 3, DType::kI32);
    const Array needed = run_.make(1, 2, DType::kU32), bad = run_.zeros(1, 1, DType::kU32);
    EncodeThreshold::Operands o{};
    o.x = x, o.w_enc = w, o.b_enc = b, o.threshold = theta;
    o.values = values, o.ids = where, o.row_offsets = offsets, o.needed = needed, o.nonfinite = bad;
    if (band > 0) o.band_values = band_values, o.band_ids = band_ids, o.band_offsets = band_offsets;
    run_.run(EncodeThreshold{2, 1, n, capacity, band > 0 ? band_capacity : 0, band}, o);
    Found found{codes_of(values, where, offsets), {}, run_.download_u32(needed), run_.download_u32(bad)[0]};
    if (band > 0) found.band = codes_of(band_values, band_ids, band_offsets);
    return found;
  }

  struct Batch {
    Codes codes;
    float threshold;
    std::uint32_t nonfinite;
  };
  // Rows x over latents w: h = x w.
  Batch batch(const Values& x, const Values& w, std::int64_t total, const Values& scale = {}) {
    const auto rows = static_cast<std::int64_t>(x.size()), n = static_cast<std::int64_t>(w.size());
    const Array in = run_.make_from(rows, 1, x), weights = run_.make_from(n, 1, w), b = run_.zeros(1, n);
    const Array values = run_.make(1, total), where = run_.make(1, total, DType::kI32),
                offsets = run_.make(1, rows + 1, DType::kI32), threshold = run_.make(1, 1),
                bad = run_.zeros(1, 1, DType::kU32);
    run_.run(EncodeBatchTopK{rows, 1, n, total}, {.x = in,
                                                  .w_enc = weights,
                                                  .b_enc = b,
                                                  .scale = scale.empty() ? Tensor{} : row(scale).view(),
                                                  .values = values,
                                                  .ids = where,
                                                  .row_offsets = offsets,
                                                  .threshold = threshold,
                                                  .nonfinite = bad});
    return {codes_of(values, where, offsets), run_.download_f32(threshold)[0], run_.download_u32(bad)[0]};
  }
};

TEST_F(ReferenceVarying, ReluKeepsWhatIsPositive) {
  const Found f = above({1, 0, -2, 3}, {}, 0, 8, 0);
  EXPECT_EQ(f.active.values, (Values{1, 3, 2}));
  EXPECT_EQ(f.active.ids, (Ids{0, 3, 2}));
  EXPECT_EQ(f.active.offsets, (Ids{0, 2, 3}));
  EXPECT_EQ(f.needed, (Counts{3, 0}));
}

// Equal to the threshold is not above it; a negative threshold is as 0; the value is h, not h - threshold.
TEST_F(ReferenceVarying, ThresholdsAreStrictAndAtLeastZero) {
  const Found f = above({1, 2, 3, -4}, {1, 1, 5, -9}, 0, 8, 0);
  EXPECT_EQ(f.active.values, (Values{2, 4}));
  EXPECT_EQ(f.active.ids, (Ids{1, 3}));
  EXPECT_EQ(f.active.offsets, (Ids{0, 1, 2}));
}

// Width 2: inside are 2 - 1 < h < 2 + 1, and only h > 0 counts. h = 1 and 3 lie on the edges.
TEST_F(ReferenceVarying, BandLiesAroundTheThreshold) {
  const Found f = above({1, 1.5f, 2.5f, 3, 0.25f, -0.25f}, {2, 2, 2, 2, 0, 0}, 2, 12, 12);
  EXPECT_EQ(f.band.ids, (Ids{1, 2, 4, 5}));
  EXPECT_EQ(f.band.values, (Values{0.5f, 0.5f, 0.5f, 0.5f}));
  EXPECT_EQ(f.band.offsets, (Ids{0, 3, 4}));
  EXPECT_EQ(f.active.ids, (Ids{2, 3, 4, 5}));
  EXPECT_EQ(f.needed, (Counts{4, 4}));
}

TEST_F(ReferenceVarying, ListsThatDoNotFitAreEmptyAndSaySo) {
  const Found f = above({1, 2, 3, 4}, {2, 2, 2, 2}, 1, 1, 4);
  EXPECT_EQ(f.needed, (Counts{2, 1}));
  EXPECT_EQ(f.active.offsets, (Ids{0, 0, 0}));
  EXPECT_EQ(f.band.ids, Ids{1});
}

TEST_F(ReferenceVarying, RowsThatAreNotFiniteHaveNoEntries) {
  for (const float bad : {NAN, INFINITY}) {
    const Found f = above({1, bad, 3}, {}, 0, 6, 0);
    EXPECT_EQ(f.nonfinite, 2u);
    EXPECT_TRUE(f.active.ids.empty());
    const Batch b = batch({1, 2}, {1, bad}, 3);
    EXPECT_EQ(b.nonfinite, 2u);
    EXPECT_TRUE(b.codes.ids.empty());
    EXPECT_EQ(b.threshold, 0);
  }
}

// h: 3 1 | 6 2 | -3 -1; the three largest are 6, 3, 2.
TEST_F(ReferenceVarying, BatchTopKKeepsTheLargestOfTheBatch) {
  const Batch b = batch({1, 2, -1}, {3, 1}, 3);
  EXPECT_EQ(b.codes.values, (Values{3, 6, 2}));
  EXPECT_EQ(b.codes.ids, (Ids{0, 0, 1}));
  EXPECT_EQ(b.codes.offsets, (Ids{0, 1, 3, 3}));
  EXPECT_EQ(b.threshold, 2);
}

TEST_F(ReferenceVarying, BatchTopKBreaksTiesByRowThenLatent) {
  const Batch b = batch({1, 1}, {2, 2, 2}, 4);
  EXPECT_EQ(b.codes.ids, (Ids{0, 1, 2, 0}));
  EXPECT_EQ(b.codes.offsets, (Ids{0, 3, 4}));
}

TEST_F(ReferenceVarying, BatchTopKKeepsOnlyWhatIsPositive) {
  const Batch b = batch({1, -1}, {2, -5, 0}, 5);
  EXPECT_EQ(b.codes.values, (Values{2, 5}));
  EXPECT_EQ(b.threshold, 2);
  EXPECT_EQ(batch({-1}, {1, 2}, 2).threshold, 0);
}

// Ranks 4, 2 | 8, 4: the cut is at a rank, the value is h.
TEST_F(ReferenceVarying, BatchTopKRanksByScale) {
  const Batch b = batch({1, 2}, {1, 4}, 1, {4, 0.5f});
  EXPECT_EQ(b.codes.values, Values{2});
  EXPECT_EQ(b.codes.ids, Ids{0});
  EXPECT_EQ(b.threshold, 8);
}

// Latent 0: -(1/2 (3 * 4 + 10) + 1/2 (3 * -2 + 10)); latent 1 has no entry; latent 2: -(1/2 (5 * 6 + 10)).
TEST_F(ReferenceVarying, ThresholdGradByHand) {
  const Array out = run_.make(1, 3);
  const auto grad = [&](const Ids& begin, const Ids& entries) {
    run_.run(ThresholdGrad{.latents = 3, .capacity = 3, .penalty = 10}, {.begin = ids(begin),
                                                                         .entries = ids(entries),
                                                                         .values = row({0.5f, 0.5f, 0.5f}),
                                                                         .gradient = row({4, 6, -2}),
                                                                         .threshold = row({3, 7, 5}),
                                                                         .out = out});
  };
  grad({0, 2, 2, 3}, {0, 2, 1});
  EXPECT_EQ(run_.download_f32(out), (Values{-13, 0, -20}));
  EXPECT_THROW(grad({1, 2, 2, 3}, {0, 2, 1}), Error);
  EXPECT_THROW(grad({0, 2, 1, 3}, {0, 2, 1}), Error);
  EXPECT_THROW(grad({0, 2, 2, 4}, {0, 2, 1}), Error);
  EXPECT_THROW(grad({0, 2, 2, 3}, {0, 3, 1}), Error);
}

TEST_F(ReferenceVarying, PenaltyGoesToWhatIsActive) {
  const Array error = row({1, 2}), w = run_.make_from(3, 2, Values{1, 0, 0, 1, 1, 1}), g = run_.make(1, 3);
  run_.run(
      SparseGradValues{
          .rows = 1, .latents = 3, .d_out = 2, .k = 3, .capacity = 3, .scale = 10, .penalty = 0.5f},
      {.error = error,
       .w_dec = w,
       .values = row({1, 0, 5}),
       .ids = ids({0, 1, 2}),
       .row_offsets = {},
       .gradient = g});
  EXPECT_EQ(run_.download_f32(g), (Values{10.5f, 0, 30.5f}));
}

TEST_F(ReferenceVarying, FiringsMayComeAsCounts) {
  const Array fired = run_.zeros(1, 3, DType::kU32), since = run_.zeros(1, 3, DType::kU32);
  run_.upload(fired, Counts{7, 0xfffffffeu, 7});
  run_.upload(since, Counts{7, 7, 0xfffffffeu});
  run_.run(FiringStats{5, 3}, {.begin = {}, .counts = row({2, 5, 0}), .fired = fired, .since = since});
  EXPECT_EQ(run_.download_u32(fired), (Counts{9, 0xffffffffu, 7}));
  EXPECT_EQ(run_.download_u32(since), (Counts{0, 0, 0xffffffffu}));
}

}  // namespace
}  // namespace polysem
