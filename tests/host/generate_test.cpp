#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "polysem/error.hpp"
#include "polysem/language_model.hpp"
#include "tests/support/tiny_llama.hpp"

namespace polysem {
namespace {

using Ids = std::vector<std::int32_t>;

class Generate : public testing::Test {
 protected:
  std::vector<std::byte> bytes_ = test::TinyLlama{}.file();
  std::unique_ptr<Backend> backend_ = open_backend("reference");
  Executor executor_{*backend_};
  LanguageModel model_{GgufFile::parse(bytes_, "tiny.gguf"), executor_, Precision::kF32};
  const Ids prompt_ = {3, 14, 15, 9, 2};

  // Logits after the last token of a text, without a cache.
  std::vector<float> last_logits(const Ids& text) {
    TokenBatch batch;
    batch.add(text);
    const auto last = static_cast<std::int32_t>(text.size()) - 1;
    return executor_.download_f32(model_.logits(model_.hidden(batch), std::span(&last, 1)));
  }
};

TEST_F(Generate, GreedyEqualsFullPrefill) {
  const Ids made = generate(model_, prompt_, {.max_tokens = 20});
  ASSERT_EQ(made.size(), 20u);
  Ids text = prompt_;
  for (const std::int32_t token : made) {
    const auto logits = last_logits(text);
    EXPECT_EQ(token, std::max_element(logits.begin(), logits.end()) - logits.begin());
    text.push_back(token);
  }
}

TEST_F(Generate, StopsWhereItShould) {
  const Ids made = generate(model_, prompt_, {.max_tokens = 10});
  const auto first = std::find(made.begin(), made.end(), made[4]) - made.begin();
  EXPECT_EQ(generate(model_, prompt_, {.max_tokens = 10, .stop = made[4]}),
            Ids(made.begin(), made.begin() + first));
  EXPECT_EQ(generate(model_, prompt_, {.max_tokens = 1000}).size(), 48u - 5u + 1u);  // the context is 48
  EXPECT_TRUE(generate(model_, prompt_, {.max_tokens = 0}).empty());
  Ids heard;
  generate(model_, prompt_, {}, {}, [&](std::int32_t token) {
    heard.push_back(token);
    return heard.size() < 3;
  });
  EXPECT_EQ(heard, Ids(made.begin(), made.begin() + 3));
  EXPECT_THROW(generate(model_, {}, {}), Error);
  EXPECT_THROW(generate(model_, Ids(49, 1), {}), Error);
  EXPECT_THROW(generate(model_, prompt_, {.temperature = -1.0f}), Error);
}

TEST_F(Generate, SeedsDecideSampling) {
  const GenerateOptions hot{.max_tokens = 15, .temperature = 1.0f, .seed = 1};
  GenerateOptions other = hot;
  other.seed = 2;
  EXPECT_EQ(generate(model_, prompt_, hot), generate(model_, prompt_, hot));
  EXPECT_NE(generate(model_, prompt_, hot), generate(model_, prompt_, other));
  EXPECT_EQ(generate(model_, prompt_, {.max_tokens = 15, .temperature = 1e-4f}),
            generate(model_, prompt_, {.max_tokens = 15}));
}

// 400 first tokens against softmax(logits): chi-squared over the tokens that are expected at least five
// times. With c such cells the statistic has mean about c and deviation sqrt(2 c); five deviations are
// allowed.
TEST_F(Generate, SamplesTheDistribution) {
  constexpr float kTemperature = 2.0f;
  constexpr int kDraws = 400;
  const auto logits = last_logits(prompt_);
  std::vector<double> expected(logits.size());
  double total = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    total += expected[i] = std::exp(double{logits[i]} / kTemperature);
  std::vector<int> counts(logits.size());
  for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
    const auto made = generate(model_, prompt_, {.max_tokens = 1, .temperature = kTemperature, .seed = seed});
    ++counts[static_cast<std::size_t>(made[0])];
  }
  double chi2 = 0;
  int cells = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double e = expected[i] / total * kDraws;
    if (e < 5) continue;
    chi2 += (counts[i] - e) * (counts[i] - e) / e;
    ++cells;
  }
  ASSERT_GT(cells, 3);
  EXPECT_LT(chi2, cells + 5 * std::sqrt(2.0 * cells));
}

// Hooks see the prompt first, then a row at a time, and can steer.
TEST_F(Generate, HooksSeeEveryTokenOnce) {
  std::vector<std::int64_t> rows;
  const Hook watch{{1, SiteKind::kResidPre}, [&](Executor&, const Tensor& t) { rows.push_back(t.rows); }};
  const Ids plain = generate(model_, prompt_, {.max_tokens = 4}, std::span(&watch, 1));
  EXPECT_EQ(rows, (std::vector<std::int64_t>{5, 1, 1, 1}));
  const Hook steer{{1, SiteKind::kResidPost}, [](Executor& e, const Tensor& t) {
                     e.run(Elementwise{.rows = t.rows, .cols = t.cols, .alpha = -1.0f},
                           {.a = t, .b = {}, .out = t});
                   }};
  EXPECT_NE(generate(model_, prompt_, {.max_tokens = 4}, std::span(&steer, 1)), plain);
}

}  // namespace
}  // namespace polysem
