// The reference backend's transformer ops against formulas written out here.
#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/executor.hpp"

namespace polysem {
namespace {

using Values = std::vector<float>;
using Ids = std::vector<std::int32_t>;

class ReferenceTransformer : public testing::Test {
 protected:
  std::unique_ptr<Backend> backend_ = open_backend("reference");
  Executor run_{*backend_};

  Array matrix(std::int64_t rows, std::int64_t cols, const Values& values) {
    return run_.make_from(rows, cols, values);
  }
  Array ids(const Ids& values) { return run_.make_from(1, static_cast<std::int64_t>(values.size()), values); }
  Array random(std::int64_t rows, std::int64_t cols, std::uint32_t substream) {
    const Array out = run_.make(rows, cols);
    run_.run(
        RandomFill{.kind = RandomFill::Kind::kNormal, .rows = rows, .cols = cols, .substream = substream},
        {.out = out});
    return out;
  }
  Values rotated(const Values& x, std::int32_t position, bool interleaved, std::int64_t rotary,
                 float scale = 1) {
    const auto n = static_cast<std::int64_t>(x.size());
    const Array t = matrix(1, n, x);
    run_.run(Rope{.rows = 1,
                  .heads = 1,
                  .head_dim = n,
                  .rotary = rotary,
                  .interleaved = interleaved,
                  .base = 100.0f,
                  .position_scale = scale},
             {.positions = ids({position}), .x = t});
    return run_.download_f32(t);
  }
};

// (3, 4) has mean square 12.5.
TEST_F(ReferenceTransformer, RmsNorm) {
  const Array out = run_.make(1, 2);
  run_.run(RmsNorm{1, 2, 3.5f}, {.x = matrix(1, 2, {3, 4}), .weight = matrix(1, 2, {2, -1}), .out = out});
  EXPECT_EQ(run_.download_f32(out), (Values{6.0f / 4, -4.0f / 4}));
  const Array x = matrix(1, 2, {3, 4});
  run_.run(RmsNorm{1, 2, 3.5f}, {.x = x, .weight = {}, .out = x});  // in place
  EXPECT_EQ(run_.download_f32(x), (Values{0.75f, 1}));
}

// Base 100 and four turning dimensions: angles position and position / 10.
TEST_F(ReferenceTransformer, RopeTurnsPairs) {
  const auto c = [](double a) { return static_cast<float>(std::cos(a)); };
  const auto s = [](double a) { return static_cast<float>(std::sin(a)); };
  const Values interleaved = rotated({1, 0, 0, 1, 7}, 3, true, 4);
  EXPECT_EQ(interleaved, (Values{c(3), s(3), -s(0.3), c(0.3), 7}));
  const Values halves = rotated({1, 0, 0, 1, 7}, 3, false, 4);  // pairs (0, 2) and (1, 3)
  EXPECT_EQ(halves, (Values{c(3), -s(0.3), s(3), c(0.3), 7}));
  EXPECT_EQ(rotated({1, 0, 0, 1, 7}, 6, true, 4, 0.5f), interleaved);
  EXPECT_EQ(rotated({1, 2, 3, 4}, 0, true, 4), (Values{1, 2, 3, 4}));
}

// The point of it: a query and a key see only how far apart they are.
TEST_F(ReferenceTransformer, RopeMakesProductsDependOnDistance) {
  const auto product = [&](std::int32_t p, std::int32_t q, bool interleaved) {
    const Values a = rotated({1, 2, -1, 0.5f}, p, interleaved, 4),
                 b = rotated({0.5f, 1, 3, -2}, q, interleaved, 4);
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
    return sum;
  };
  for (const bool interleaved : {true, false})
    EXPECT_NEAR(product(5, 2, interleaved), product(105, 102, interleaved), 1e-6);
}

// Every query over its keys, by the formula, for grouped heads and queries that come after cached keys.
TEST_F(ReferenceTransformer, AttentionByTheFormula) {
  constexpr std::int64_t kHeads = 4, kKvHeads = 2, kDim = 3, kQueries = 4, kKeys = 7;
  const Array query = random(kQueries, kHeads * kDim, 1), key = random(kKeys, kKvHeads * kDim, 2),
              value = random(kKeys, kKvHeads * kDim, 3), out = run_.make(kQueries, kHeads * kDim);
  // Sequence 0: query 0 over keys 5, 6. Sequence 1: queries 1 to 3 over keys 0 to 4.
  run_.run(Attention{.rows = kQueries,
                     .key_rows = kKeys,
                     .sequences = 2,
                     .heads = kHeads,
                     .kv_heads = kKvHeads,
                     .head_dim = kDim,
                     .scale = 0.5f},
           {.query = query,
            .key = key,
            .value = value,
            .query_begin = ids({0, 1, 4}),
            .key_begin = ids({5, 0}),
            .key_count = ids({2, 5}),
            .out = out});
  const std::int64_t first_key[] = {5, 0, 0, 0}, count[] = {2, 3, 4, 5};
  const Values q = run_.download_f32(query), k = run_.download_f32(key), v = run_.download_f32(value),
               y = run_.download_f32(out);
  for (std::int64_t i = 0; i < kQueries; ++i) {
    for (std::int64_t h = 0; h < kHeads; ++h) {
      double weights = 0, sums[kDim] = {};
      for (std::int64_t j = first_key[i]; j < first_key[i] + count[i]; ++j) {
        double score = 0;
        for (std::int64_t c = 0; c < kDim; ++c)
          score += 0.5 * q[static_cast<std::size_t>((i * kHeads + h) * kDim + c)] *
                   k[static_cast<std::size_t>((j * kKvHeads + h / 2) * kDim + c)];
        weights += std::exp(score);
        for (std::int64_t c = 0; c < kDim; ++c)
          sums[c] += std::exp(score) * v[static_cast<std::size_t>((j * kKvHeads + h / 2) * kDim + c)];
      }
      for (std::int64_t c = 0; c < kDim; ++c)
        EXPECT_NEAR(y[static_cast<std::size_t>((i * kHeads + h) * kDim + c)], sums[c] / weights, 1e-6);
    }
  }
}

TEST_F(ReferenceTransformer, AttentionRefusesRowsThatDoNotFit) {
  const Array one = run_.zeros(3, 1), out = run_.make(3, 1);
  const auto attend = [&](const Ids& query_begin, const Ids& key_begin, const Ids& key_count) {
    run_.run(Attention{.rows = 3, .key_rows = 3, .sequences = 1, .heads = 1, .kv_heads = 1, .head_dim = 1},
             {.query = one,
              .key = one,
              .value = one,
              .query_begin = ids(query_begin),
              .key_begin = ids(key_begin),
              .key_count = ids(key_count),
              .out = out});
  };
  attend({0, 3}, {0}, {3});
  EXPECT_THROW(attend({0, 4}, {0}, {3}), Error);
  EXPECT_THROW(attend({0, 3}, {0}, {2}), Error);
  EXPECT_THROW(attend({0, 3}, {1}, {3}), Error);
  EXPECT_THROW(attend({0, 3}, {-1}, {3}), Error);
  EXPECT_THROW(attend({2, 1}, {0}, {3}), Error);
}

// Uniform logits: log(classes). Logits log(1), log(3): probabilities 1/4 and 3/4.
TEST_F(ReferenceTransformer, CrossEntropy) {
  const Array loss = run_.make(1, 4);
  const float log3 = std::log(3.0f);
  run_.run(CrossEntropy{4, 2}, {.logits = matrix(4, 2, {500, 500, 0, log3, 0, log3, 0, log3}),
                                .targets = ids({1, 0, 1, 2}),
                                .loss = loss});
  const Values values = run_.download_f32(loss);
  EXPECT_FLOAT_EQ(values[0], static_cast<float>(std::log(2.0)));
  EXPECT_FLOAT_EQ(values[1], static_cast<float>(std::log(4.0)));
  EXPECT_FLOAT_EQ(values[2], static_cast<float>(std::log(4.0 / 3)));
  EXPECT_EQ(values[3], 0.0f);  // no such class
}

// KL((1/2, 1/2) || (1/4, 3/4)) = log(2) / 2 + log(2 / 3) / 2; equal distributions give 0.
TEST_F(ReferenceTransformer, KlDivergence) {
  const Array out = run_.make(1, 2);
  const float log3 = std::log(3.0f);
  run_.run(
      KlDivergence{2, 2},
      {.p_logits = matrix(2, 2, {9, 9, 1, 2}), .q_logits = matrix(2, 2, {0, log3, 4, 5}), .divergence = out});
  const Values values = run_.download_f32(out);
  EXPECT_NEAR(values[0], 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3), 1e-7);
  EXPECT_NEAR(values[1], 0.0, 1e-7);
}

}  // namespace
}  // namespace polysem
