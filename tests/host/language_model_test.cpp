#include "polysem/language_model.hpp"

#include <gtest/gtest.h>

#include "polysem/error.hpp"
#include "tests/support/counting_backend.hpp"
#include "tests/support/naive_llama.hpp"
#include "tests/support/tiny_llama.hpp"

namespace polysem {
namespace {

using test::Matrix;
using test::NaiveLlama;
using test::TinyLlama;
using Ids = std::vector<std::int32_t>;

constexpr SiteKind kKinds[] = {SiteKind::kResidPre,      SiteKind::kAttnOut, SiteKind::kResidMid,
                               SiteKind::kLn2Normalized, SiteKind::kMlpPost, SiteKind::kMlpOut,
                               SiteKind::kResidPost};

Ids sequence(std::size_t length, std::uint32_t seed) {
  Ids ids;
  for (std::size_t i = 0; i < length; ++i)
    ids.push_back(
        static_cast<std::int32_t>(Random(seed, RandomStream::kData).below(TinyLlama::kVocabulary, i)));
  return ids;
}

// A tiny model on the reference backend, with the naive one beside it.
struct Fixture {
  std::vector<std::byte> bytes;
  GgufFile file;
  std::unique_ptr<Backend> backend = open_backend("reference");
  Executor executor{*backend};
  LanguageModel model;
  NaiveLlama naive;

  explicit Fixture(const TinyLlama& tiny = {}, Precision precision = Precision::kF32)
      : bytes(tiny.file()),
        file(GgufFile::parse(bytes, "tiny.gguf")),
        model(file, executor, precision),
        naive(file) {}

  Matrix matrix(const Tensor& t) {
    const auto values = executor.download_f32(t);
    Matrix out(static_cast<std::size_t>(t.rows));
    for (std::size_t i = 0; i < values.size(); ++i)
      out[i / static_cast<std::size_t>(t.cols)].push_back(double{values[i]});
    return out;
  }
  // Activations of every site of the model, by name.
  std::map<std::string, Matrix> capture(const TokenBatch& batch) {
    std::map<std::string, Matrix> sites;
    std::vector<Hook> hooks;
    for (std::int64_t b = 0; b < model.shape().blocks; ++b)
      for (const SiteKind kind : kKinds)
        hooks.push_back({{b, kind}, [&sites, this, site = Site{b, kind}](Executor&, const Tensor& t) {
                           EXPECT_EQ(t.cols, model.width(site));
                           sites[site.name()] = matrix(t);
                         }});
    model.run(batch, hooks);
    return sites;
  }
};

TokenBatch batch_of(const std::vector<Ids>& sequences) {
  TokenBatch batch;
  for (const Ids& ids : sequences) batch.add(ids);
  return batch;
}

// Largest row-wise relative difference |a - b| / |b|.
double difference(const Matrix& a, const Matrix& b, std::size_t first_row = 0) {
  double worst = 0;
  for (std::size_t r = 0; r < b.size(); ++r) {
    double squares = 0, apart = 0;
    for (std::size_t c = 0; c < b[r].size(); ++c) {
      const double d = a.at(first_row + r).at(c) - b[r][c];
      squares += b[r][c] * b[r][c];
      apart += d * d;
    }
    worst = std::max(worst, std::sqrt(apart / (squares + 1e-30)));
  }
  return worst;
}

// f32 between the ops, double inside them: 40 roundings of 6e-8 would be 2.4e-6.
constexpr double kF32 = 3e-6;

void expect_agreement(const TinyLlama& tiny) {
  Fixture f(tiny);
  const std::vector<Ids> sequences = {sequence(11, 1), sequence(1, 2), sequence(30, 3)};
  const TokenBatch batch = batch_of(sequences);
  const auto sites = f.capture(batch);
  ASSERT_EQ(sites.size(), 14u);
  const Array hidden = f.model.hidden(batch);
  Ids every_row;
  for (std::int32_t r = 0; r < static_cast<std::int32_t>(batch.rows()); ++r) every_row.push_back(r);
  const Matrix logits = f.matrix(f.model.logits(hidden, every_row));
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const auto first = static_cast<std::size_t>(batch.begin[s]);
    EXPECT_LT(difference(logits, f.naive.run(sequences[s]), first), kF32) << s;
    for (const auto& [name, expected] : f.naive.sites)
      EXPECT_LT(difference(sites.at(name), expected, first), kF32) << name << " of sequence " << s;
  }
}

TEST(LanguageModel, EverySiteAgreesWithTheNaiveModel) { expect_agreement({}); }
TEST(LanguageModel, UntiedOutput) { expect_agreement({.tied = false}); }
TEST(LanguageModel, PartlyRotatedHeads) { expect_agreement({.rotary = 4}); }
TEST(LanguageModel, LinearRopeScaling) { expect_agreement({.linear_scaling = 4.0f}); }

TEST(LanguageModel, LossesAndDivergences) {
  Fixture f;
  const std::vector<Ids> sequences = {sequence(20, 4), sequence(7, 5)};
  const TokenBatch batch = batch_of(sequences);
  const auto zero = [](Executor& e, const Tensor& t) { e.run(Fill{t.rows, t.cols, 0.0f}, {.out = t}); };
  const Hook ablate{{1, SiteKind::kMlpOut}, zero};
  const auto patch = [](const Site& site, Matrix& m) {
    if (site != Site{1, SiteKind::kMlpOut}) return;
    for (auto& row : m) std::fill(row.begin(), row.end(), 0.0);
  };
  const Array clean = f.model.hidden(batch), ablated = f.model.hidden(batch, std::span(&ablate, 1));
  const auto losses = f.model.next_token_losses(clean, batch);
  const auto divergences = f.model.kl_divergences(clean, ablated);
  ASSERT_EQ(losses.size(), 27u);
  for (std::size_t s = 0; s < 2; ++s) {
    const Matrix p = f.naive.run(sequences[s]), q = f.naive.run(sequences[s], patch);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const std::size_t row = static_cast<std::size_t>(batch.begin[s]) + i;
      const double log_p = NaiveLlama::log_sum_exp(p[i]), log_q = NaiveLlama::log_sum_exp(q[i]);
      if (i + 1 < p.size()) {
        EXPECT_NEAR(losses[row], log_p - p[i][static_cast<std::size_t>(sequences[s][i + 1])], 1e-4);
      } else {
        EXPECT_TRUE(std::isnan(losses[row]));
      }
      double kl = 0;
      for (std::size_t c = 0; c < p[i].size(); ++c)
        kl += std::exp(p[i][c] - log_p) * ((p[i][c] - log_p) - (q[i][c] - log_q));
      EXPECT_NEAR(divergences[row], kl, 1e-4 * (1 + kl));
      EXPECT_GT(divergences[row], 1e-3);  // ablation does something
    }
  }
}

TEST(LanguageModel, BatchedEqualsOneByOne) {
  Fixture f;
  const std::vector<Ids> sequences = {sequence(9, 6), sequence(16, 7), sequence(2, 8)};
  const TokenBatch batch = batch_of(sequences);
  const Matrix together = f.matrix(f.model.hidden(batch));
  for (std::size_t s = 0; s < sequences.size(); ++s)
    EXPECT_EQ(difference(together, f.matrix(f.model.hidden(batch_of({sequences[s]}))),
                         static_cast<std::size_t>(batch.begin[s])),
              0.0);
}

// More rows than one slice of the MLP takes.
TEST(LanguageModel, LongBatchEqualsShortOnes) {
  Fixture f;
  std::vector<Ids> sequences;
  for (std::uint32_t s = 0; s < 14; ++s) sequences.push_back(sequence(40, 20 + s));
  const TokenBatch batch = batch_of(sequences);
  ASSERT_GT(batch.rows(), 512);
  const Matrix together = f.matrix(f.model.hidden(batch));
  for (const std::size_t s : {0u, 12u, 13u})
    EXPECT_EQ(difference(together, f.matrix(f.model.hidden(batch_of({sequences[s]}))), 40 * s), 0.0);
}

TEST(LanguageModel, ReplacingASiteByItselfChangesNothing) {
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    Fixture f({}, precision);
    const TokenBatch batch = batch_of({sequence(12, 9), sequence(5, 10)});
    const Matrix clean = f.matrix(f.model.hidden(batch));
    for (std::int64_t b = 0; b < 2; ++b)
      for (const SiteKind kind : kKinds) {
        const Hook hook{{b, kind}, [](Executor& e, const Tensor& t) { e.upload(t, e.download_f32(t)); }};
        // Outputs that a hook sees are added to the stream in a step of their own, with a rounding of their
        // own.
        const double allowed = precision == Precision::kBF16 ? 2e-2 : kF32;
        EXPECT_LT(difference(f.matrix(f.model.hidden(batch, std::span(&hook, 1))), clean), allowed)
            << hook.site.name();
      }
  }
}

// What a hook writes is what the model goes on with, at every site.
TEST(LanguageModel, SubstitutionAgreesWithTheNaiveModel) {
  Fixture f;
  const Ids ids = sequence(13, 11);
  const TokenBatch batch = batch_of({ids});
  const auto clean = f.naive.run(ids);
  for (std::int64_t b = 0; b < 2; ++b)
    for (const SiteKind kind : kKinds) {
      const Site site{b, kind};
      // Doubles row 3 and negates row 5.
      const Hook hook{site, [](Executor& e, const Tensor& t) {
                        auto values = e.download_f32(t);
                        const auto cols = static_cast<std::size_t>(t.cols);
                        for (std::size_t c = 0; c < cols; ++c)
                          values[3 * cols + c] *= 2, values[5 * cols + c] *= -1;
                        e.upload(t, values);
                      }};
      const auto expected = f.naive.run(ids, [&](const Site& at, Matrix& m) {
        if (at != site) return;
        for (std::size_t c = 0; c < m[3].size(); ++c) m[3][c] *= 2, m[5][c] *= -1;
      });
      Ids rows;
      for (std::int32_t r = 0; r < 13; ++r) rows.push_back(r);
      const Array hidden = f.model.hidden(batch, std::span(&hook, 1));
      EXPECT_LT(difference(f.matrix(f.model.logits(hidden, rows)), expected), 2 * kF32) << site.name();
      EXPECT_GT(difference(expected, clean), 1e-3) << site.name();
    }
}

TEST(LanguageModel, RunStopsAfterTheLastHook) {
  Fixture f;
  std::vector<std::string> seen;
  const auto note = [&](const char* name) {
    return [&seen, name](Executor&, const Tensor&) { seen.emplace_back(name); };
  };
  const std::vector<Hook> hooks = {{{1, SiteKind::kResidMid}, note("mid")},
                                   {{0, SiteKind::kResidPost}, note("post")},
                                   {{1, SiteKind::kResidMid}, note("mid again")}};
  f.model.run(batch_of({sequence(4, 12)}), hooks);
  EXPECT_EQ(seen, (std::vector<std::string>{"post", "mid", "mid again"}));
}

// A block takes four products: two for attention, two for the MLP.
TEST(LanguageModel, NothingRunsBehindTheLastSite) {
  test::CountingBackend backend(open_backend("reference"));
  Executor executor(backend);
  const auto bytes = TinyLlama{}.file();
  LanguageModel model(GgufFile::parse(bytes, "tiny.gguf"), executor, Precision::kF32);
  const auto products = [&](const Site& site) {
    const Hook hook{site, [](Executor&, const Tensor&) {}};
    backend.counts.clear();
    model.run(batch_of({sequence(4, 12)}), std::span(&hook, 1));
    return backend.counts["gemm"];
  };
  EXPECT_EQ(products({0, SiteKind::kResidPre}), 0);
  EXPECT_EQ(products({0, SiteKind::kAttnOut}), 2);
  EXPECT_EQ(products({0, SiteKind::kLn2Normalized}), 2);
  EXPECT_EQ(products({0, SiteKind::kMlpPost}), 3);
  EXPECT_EQ(products({0, SiteKind::kResidPost}), 4);
  EXPECT_EQ(products({1, SiteKind::kResidPre}), 4);
  EXPECT_EQ(products({1, SiteKind::kResidPost}), 8);
}

// Without its input, inner activations or output the MLP adds nothing: three ways to the same run, two of
// them through activations that are kept in bf16.
TEST(LanguageModel, SubstitutionReachesBf16Activations) {
  Fixture f({}, Precision::kBF16);
  const TokenBatch batch = batch_of({sequence(12, 16)});
  const auto without = [&](SiteKind kind) {
    const Hook hook{{0, kind}, [](Executor& e, const Tensor& t) {
                      e.run(Fill{t.rows, t.cols, 0.0f}, {.out = t});
                    }};
    return f.matrix(f.model.hidden(batch, std::span(&hook, 1)));
  };
  const Matrix expected = without(SiteKind::kMlpOut);
  EXPECT_GT(difference(f.matrix(f.model.hidden(batch)), expected), 0.1);
  EXPECT_EQ(difference(without(SiteKind::kMlpPost), expected), 0.0);
  EXPECT_EQ(difference(without(SiteKind::kLn2Normalized), expected), 0.0);
}

// bf16 keeps 8 bits: 2^-9 a rounding, some 20 of them one after the other.
TEST(LanguageModel, Bf16IsNear) {
  Fixture f({}, Precision::kBF16), exact;
  const TokenBatch batch = batch_of({sequence(25, 13)});
  const auto rounded = f.capture(batch), sites = exact.capture(batch);
  for (const auto& [name, expected] : sites) {
    const double apart = difference(rounded.at(name), expected);
    EXPECT_LT(apart, 0.06) << name;
    EXPECT_GT(apart, 1e-6) << name;
  }
}

TEST(LanguageModel, CacheContinuesWhereItLeftOff) {
  Fixture f;
  const std::vector<Ids> whole = {sequence(17, 14), sequence(12, 15)};
  const std::vector<std::vector<std::size_t>> cuts = {{0, 9, 10, 17}, {0, 3, 11, 12}};
  KvCache cache = f.model.make_cache(2, 20);
  std::vector<Matrix> expected;
  for (const Ids& ids : whole) expected.push_back(f.matrix(f.model.hidden(batch_of({ids}))));
  for (std::size_t part = 0; part < 3; ++part) {
    TokenBatch batch;
    for (std::size_t s = 0; s < 2; ++s)
      batch.add(std::span(whole[s]).subspan(cuts[s][part], cuts[s][part + 1] - cuts[s][part]));
    const Matrix hidden = f.matrix(f.model.hidden(batch, {}, &cache));
    for (std::size_t s = 0; s < 2; ++s)
      for (std::size_t i = cuts[s][part]; i < cuts[s][part + 1]; ++i)
        EXPECT_EQ(hidden[static_cast<std::size_t>(batch.begin[s]) + i - cuts[s][part]], expected[s][i])
            << s << " " << i;
  }
  EXPECT_EQ(cache.length(0), 17);
  EXPECT_THROW(f.model.hidden(batch_of({sequence(4, 1), sequence(1, 1)}), {}, &cache), Error);
  EXPECT_THROW(f.model.hidden(batch_of({sequence(1, 1)}), {}, &cache), Error);
}

}  // namespace
}  // namespace polysem
