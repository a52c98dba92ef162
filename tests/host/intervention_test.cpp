#include "polysem/intervention.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/random.hpp"
#include "tests/support/tiny_llama.hpp"

namespace polysem {
namespace {

using Ids = std::vector<std::int32_t>;
constexpr std::uint32_t kWidth = test::TinyLlama::kWidth;

CoreCoder coder_of(std::uint32_t latents) {
  CoreCoder c;
  c.d_in = c.d_out = kWidth;
  c.latents = c.source_latents = latents;
  const Random random(3, RandomStream::kInitialisation);
  for (std::uint32_t i = 0; i < latents * kWidth; ++i)
    c.w_enc.push_back(random.normal(i)), c.w_dec.push_back(random.normal(i + 100000));
  c.b_enc.assign(latents, 0.1f);
  c.b_dec.assign(kWidth, 0.2f);
  return c;
}

std::vector<float> random_rows(std::uint64_t count) {
  const Random random(5, RandomStream::kInitialisation);
  std::vector<float> rows;
  for (std::uint64_t i = 0; i < count * kWidth; ++i) rows.push_back(random.normal(i));
  return rows;
}

class InterventionTest : public testing::Test {
 protected:
  std::vector<float> rows_at(const Site& site, const TokenBatch& batch, const Hook* before) {
    std::vector<float> rows;
    std::vector<Hook> hooks;
    if (before != nullptr) hooks.push_back(*before);
    hooks.push_back({site, [&](Executor& e, const Tensor& t) { rows = e.download_f32(t); }});
    model_.run(batch, hooks);
    return rows;
  }

  std::vector<std::byte> bytes_ = test::TinyLlama{}.file();
  std::unique_ptr<Backend> backend_ = open_backend("reference");
  Executor executor_{*backend_};
  LanguageModel model_{GgufFile::parse(bytes_, "tiny.gguf"), executor_, Precision::kF32};
  CoreCoder weights_ = coder_of(6);
  CoreModel coder_{core_file_bytes(weights_, POLYSEM_F32), "coder"};
  const Site site_{0, SiteKind::kResidPost};
  const Ids prompt_ = {3, 14, 15, 9, 2};
};

// Against the definition: each row but the first of a sequence gets (f' - f) of latent 2 times its decoder
// row; all else, what the coder does not explain included, stays.
TEST_F(InterventionTest, AddsTheChangeOfTheLatentAndNothingElse) {
  TokenBatch batch;
  batch.add(Ids{3, 14, 15});
  batch.add(Ids{9});
  batch.add(Ids{2, 7});
  const std::vector<float> before = rows_at(site_, batch, nullptr);
  for (const polysem_edit edit : {polysem_edit{2, POLYSEM_SET, 1.5f}, polysem_edit{2, POLYSEM_ADD, -2.0f},
                                  polysem_edit{2, POLYSEM_SCALE, 3.0f}, polysem_edit{2, POLYSEM_CAP, 0.5f},
                                  polysem_edit{2, POLYSEM_FLOOR, 0.5f}, polysem_edit{2, POLYSEM_ABLATE, 0}}) {
    Intervention intervention(coder_, site_, {edit});
    const Hook hook = intervention.over(batch);
    const std::vector<float> after = rows_at(site_, batch, &hook);
    for (std::size_t r = 0; r < 6; ++r) {
      double h = weights_.b_enc[2];
      for (std::size_t d = 0; d < kWidth; ++d)
        h += double{before[r * kWidth + d]} * weights_.w_enc[2 * kWidth + d];
      const double f = std::max(h, 0.0), v = edit.value;
      const double wanted = edit.kind == POLYSEM_SET     ? v
                            : edit.kind == POLYSEM_ADD   ? f + v
                            : edit.kind == POLYSEM_SCALE ? f * v
                            : edit.kind == POLYSEM_CAP   ? std::min(f, v)
                            : edit.kind == POLYSEM_FLOOR ? std::max(f, v)
                                                         : 0;
      const bool first = r == 0 || r == 3 || r == 4;
      for (std::size_t d = 0; d < kWidth; ++d) {
        const float x = before[r * kWidth + d];
        if (first) {
          EXPECT_EQ(after[r * kWidth + d], x);
        } else {
          EXPECT_NEAR(after[r * kWidth + d], x + (wanted - f) * weights_.w_dec[2 * kWidth + d], 1e-4);
        }
      }
    }
  }
}

TEST_F(InterventionTest, EditsThePositionsThatAreAskedFor) {
  const auto edited_calls = [&](EditedPositions positions) {
    Intervention intervention(coder_, site_, {{1, POLYSEM_ADD, 4.0f}});
    std::vector<float> before;
    std::vector<std::vector<bool>> changed;
    const Hook hooks[] = {{site_, [&](Executor& e, const Tensor& t) { before = e.download_f32(t); }},
                          intervention.while_generating(positions),
                          {site_, [&](Executor& e, const Tensor& t) {
                             const auto after = e.download_f32(t);
                             changed.emplace_back();
                             for (std::size_t r = 0; r < after.size(); r += kWidth)
                               changed.back().push_back(!std::equal(
                                   after.begin() + r, after.begin() + r + kWidth, before.begin() + r));
                           }}};
    generate(model_, prompt_, {.max_tokens = 3}, hooks);
    return changed;
  };
  using Calls = std::vector<std::vector<bool>>;
  EXPECT_EQ(edited_calls(EditedPositions::kAll), (Calls{{false, true, true, true, true}, {true}, {true}}));
  EXPECT_EQ(edited_calls(EditedPositions::kPrompt),
            (Calls{{false, true, true, true, true}, {false}, {false}}));
  EXPECT_EQ(edited_calls(EditedPositions::kGenerated), (Calls{std::vector<bool>(5, false), {true}, {true}}));
}

// A token that is generated sees the same edits whether its past comes from the cache or is run again.
TEST_F(InterventionTest, GenerationEqualsARunOverTheWholeText) {
  Intervention intervention(coder_, site_, {{1, POLYSEM_ADD, 3.0f}, {4, POLYSEM_ABLATE, 0}});
  const Hook hook = intervention.while_generating(EditedPositions::kAll);
  const Ids made = generate(model_, prompt_, {.max_tokens = 6}, std::span(&hook, 1));
  Ids text = prompt_;
  for (const std::int32_t token : made) {
    TokenBatch batch;
    batch.add(text);
    const Hook over = intervention.over(batch);
    const auto last = static_cast<std::int32_t>(text.size()) - 1;
    const Array hidden = model_.hidden(batch, std::span(&over, 1));
    const auto logits = executor_.download_f32(model_.logits(hidden, std::span(&last, 1)));
    EXPECT_EQ(token, std::max_element(logits.begin(), logits.end()) - logits.begin());
    text.push_back(token);
  }
}

TEST_F(InterventionTest, MeasuresItsEffectAndHowLatentsFire) {
  std::vector<TokenBatch> batches(2);
  batches[0].add(prompt_);
  batches[0].add(Ids{1, 2, 3});
  batches[1].add(Ids{7, 7});
  Intervention nothing(coder_, site_, {{1, POLYSEM_SCALE, 1.0f}}),
      much(coder_, site_, {{1, POLYSEM_ADD, 30.0f}}), broken(coder_, site_, {{1, POLYSEM_SET, 3e38f}});
  const auto none = intervention_effect(model_, nothing, batches),
             some = intervention_effect(model_, much, batches);
  EXPECT_EQ(none.tokens, 4 + 2 + 1);
  EXPECT_DOUBLE_EQ(none.loss_with, none.loss_without);
  EXPECT_NEAR(none.kl_divergence, 0, 1e-6);
  EXPECT_DOUBLE_EQ(some.loss_without, none.loss_without);
  EXPECT_GT(some.kl_divergence, 0.01);
  // Only predictions from the first token of each text are free of the edit.
  const auto lost = intervention_effect(model_, broken, batches);
  EXPECT_EQ(lost.not_finite + static_cast<std::int64_t>(lost.tokens), 7);
  EXPECT_EQ(lost.not_finite + static_cast<std::int64_t>(broken.skipped()) > 0, true);

  const std::uint32_t latents[] = {4, 1};
  const auto uses = latent_use(model_, coder_, site_, latents, batches);
  std::vector<double> f;  // of latent 1, from the definition
  for (const TokenBatch& batch : batches) {
    const auto rows = rows_at(site_, batch, nullptr);
    for (std::int32_t r = 0; r < batch.rows(); ++r) {
      if (std::find(batch.begin.begin(), batch.begin.end(), r) != batch.begin.end()) continue;
      double h = weights_.b_enc[1];
      for (std::size_t d = 0; d < kWidth; ++d)
        h += double{rows[static_cast<std::size_t>(r) * kWidth + d]} * weights_.w_enc[kWidth + d];
      if (h > 0) f.push_back(h);
    }
  }
  EXPECT_EQ(uses[1].tokens, 4 + 2 + 1);
  ASSERT_EQ(uses[1].active, static_cast<std::int64_t>(f.size()));
  double sum = 0, largest = 0;
  for (const double value : f) sum += value, largest = std::max(largest, value);
  EXPECT_NEAR(uses[1].mean, f.empty() ? 0 : sum / static_cast<double>(f.size()), 1e-4);
  EXPECT_NEAR(uses[1].largest, largest, 1e-4);
}

// Threads share the positions of a TopK coder; no bit and no count depends on how many there are.
TEST_F(InterventionTest, ThreadsChangeNothing) {
  weights_.activation = POLYSEM_TOPK, weights_.k = 2;
  const CoreModel top_k(core_file_bytes(weights_, POLYSEM_F32), "coder");
  const std::vector<float> normal = random_rows(100), huge(kWidth, 3e38f);
  const auto edited = [&](int threads) {
    const auto backend = open_backend("onednn", threads);
    Executor executor(*backend);
    std::vector<float> rows = normal;
    for (const std::size_t r : {7u, 50u, 99u}) std::copy(huge.begin(), huge.end(), rows.begin() + r * kWidth);
    const Array x = executor.make_from(100, kWidth, rows);
    Intervention intervention(top_k, site_, {{2, POLYSEM_ADD, 1.5f}, {3, POLYSEM_SCALE, 2}});
    const Hook hook = intervention.while_generating(EditedPositions::kAll);
    hook.callback(executor, x);
    rows = executor.download_f32(x);
    rows.push_back(static_cast<float>(intervention.skipped()));
    return rows;
  };
  const auto one = edited(1);
  EXPECT_EQ(one.back(), 3);
  EXPECT_FALSE(std::equal(normal.begin(), normal.end(), one.begin()));
  EXPECT_EQ(edited(4), one);
}

TEST_F(InterventionTest, RefusesWhatCannotBe) {
  EXPECT_THROW(Intervention(coder_, site_, {{6, POLYSEM_ABLATE, 0}}), Error);
  EXPECT_THROW(Intervention(coder_, site_, {{1, POLYSEM_ADD, NAN}}), Error);
  EXPECT_THROW(Intervention(coder_, site_, {{1, POLYSEM_SET, INFINITY}}), Error);
  Intervention wrong(coder_, {0, SiteKind::kMlpPost}, {{1, POLYSEM_ABLATE, 0}});
  const Hook hook = wrong.while_generating(EditedPositions::kAll);
  EXPECT_THROW(generate(model_, prompt_, {}, std::span(&hook, 1)), Error);
  CoreCoder transcoder = weights_;
  transcoder.skip.assign(kWidth * kWidth, 0.0f);
  const CoreModel skips(core_file_bytes(transcoder, POLYSEM_F32), "transcoder");
  EXPECT_THROW(Intervention(skips, site_, {}), Error);
}

}  // namespace
}  // namespace polysem
