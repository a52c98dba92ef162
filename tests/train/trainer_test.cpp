#include "polysem/trainer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "polysem/error.hpp"
#include "polysem/random.hpp"
#include "polysem/recipe.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/support/runs_recipe.hpp"

namespace polysem {
namespace {

using test::TemporaryFolder;

constexpr std::int64_t kDim = 16, kFeatures = 24, kRows = 4000;

// Rows that are sums of three of 24 random directions, plus a large mean: what a sparse coder is made for.
class Superposed final : public RowSource {
 public:
  Superposed() : rows_(static_cast<std::size_t>(kRows * kDim)) {
    const Random direction(1, RandomStream::kData, 0), choice(1, RandomStream::kData, 1),
        size(1, RandomStream::kData, 2);
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t i = 0; i < 3; ++i) {
        const auto f = choice.below(kFeatures, r * 3 + i);
        const float magnitude = 1.0f + size.uniform(r * 3 + i);
        for (std::size_t d = 0; d < kDim; ++d)
          rows_[r * kDim + d] += magnitude * direction.normal(f * kDim + d);
      }
      for (std::size_t d = 0; d < kDim; ++d) rows_[r * kDim + d] += 30.0f;
    }
  }
  std::int64_t rows() const override { return kRows; }
  std::int64_t dim() const override { return kDim; }
  std::uint64_t bytes() const override { return rows_.size() * sizeof(float); }
  std::string identity() const override { return "superposed"; }
  void read(std::span<const std::int64_t> ids, std::span<float> out) const override {
    for (std::size_t i = 0; i < ids.size(); ++i)
      std::copy_n(rows_.begin() + ids[i] * kDim, kDim, out.begin() + static_cast<std::ptrdiff_t>(i) * kDim);
  }
  float& at(std::size_t i) { return rows_[i]; }

 private:
  std::vector<float> rows_;
};

TrainConfig small_config() {
  TrainConfig config;
  config.coder = {.d_in = kDim, .d_out = kDim, .latents = 32, .k = 3};
  config.coder.aux_k = 4;
  config.coder.dead_window = 500;
  config.batch = 64;
  config.rate = {.peak = 5e-3, .warmup = 10, .decay = 50, .steps = 200};
  config.seed = 5;
  config.log_every = 20;
  return config;
}

std::vector<TrainConfig> every_kind_of_run(const Backend& backend) {
  std::vector<TrainConfig> list;
  for (const Recipe* recipe : recipes()) {
    if (!test::runs_recipe(backend, *recipe)) continue;
    list.push_back(small_config());
    list.back().coder.recipe = recipe->name;
    list.back().rate.steps = 140;
    if (recipe->penalty == Penalty::kNone) continue;
    list.back().coder.bandwidth = 1.0f;
    list.back().target_l0 = 3;
    list.back().sparsity_warmup = 20;
    if (recipe->penalty != Penalty::kL1) continue;
    list.back().coder.latents = 128;  // so that codes can be sparse at all
    list.back().sparsity = 0.05;
  }
  list.push_back(small_config());
  list.back().coder.decoder = DecoderConstraint::kNormAware;
  if (!test::runs_recipe(backend, find_recipe("batch_topk"))) return list;
  list.push_back(list.back());
  list.back().coder.recipe = "batch_topk";
  list.back().clip = 0.5f;
  return list;
}

void expect_equal(const CoderWeights& found, const CoderWeights& expected) {
  EXPECT_EQ(found.w_enc, expected.w_enc);
  EXPECT_EQ(found.w_dec, expected.w_dec);
  EXPECT_EQ(found.b_enc, expected.b_enc);
  EXPECT_EQ(found.b_dec, expected.b_dec);
  EXPECT_EQ(found.threshold, expected.threshold);
}

class TrainerTest : public testing::TestWithParam<std::string> {
 protected:
  TrainerTest() : backend_(open_backend(GetParam(), 2)), executor_(*backend_) {}

  CoderWeights train(const TrainConfig& config, const std::filesystem::path& folder,
                     std::int64_t stop_after = -1) {
    Trainer trainer(executor_, data_, config, folder);
    trainer.resume();
    std::int64_t done = 0;
    trainer.run({.on_log = [&](const TrainMetrics& m) { metrics_.push_back(m); },
                 .on_step = [&](std::int64_t step) { done = step; },
                 .stop_requested = [&] { return done == stop_after; }});
    return trainer.folded_weights();
  }

  Superposed data_;
  std::unique_ptr<Backend> backend_;
  Executor executor_;
  std::vector<TrainMetrics> metrics_;
};

TEST_P(TrainerTest, LearnsAndReportsInUnitsOfTheData) {
  const TemporaryFolder folder;
  train(small_config(), folder.path());
  ASSERT_EQ(metrics_.size(), 10u);
  EXPECT_LT(metrics_.back().fvu, 0.5 * metrics_.front().fvu);
  EXPECT_EQ(metrics_.back().samples, 200 * 64);
  EXPECT_GT(metrics_.back().l0, 1.0);
  EXPECT_LE(metrics_.back().l0, 3.0);
}

// Every recipe, and what changes a step's course: a free decoder, clipping.
TEST_P(TrainerTest, ResumedRunsEndInTheSameBits) {
  for (const TrainConfig& config : every_kind_of_run(*backend_)) {
    const TemporaryFolder whole, pieces;
    const auto expected = train(config, whole.path());
    for (const std::int64_t stop : {1, 37, 120}) {
      try {
        train(config, pieces.path(), stop);
        FAIL() << "was not interrupted";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInterrupted);
      }
    }
    expect_equal(train(config, pieces.path()), expected);
  }
}

TEST_P(TrainerTest, AnyNumberOfThreadsGivesTheSameBits) {
  if (GetParam() == "reference") GTEST_SKIP() << "has no threads";
  for (const TrainConfig& config : every_kind_of_run(*backend_)) {
    SCOPED_TRACE(config.coder.recipe);
    const TemporaryFolder first;
    const auto expected = train(config, first.path());
    for (const int threads : {1, 3, 4}) {
      const TemporaryFolder folder;
      const auto backend = open_backend(GetParam(), threads);
      Executor executor(*backend);
      Trainer trainer(executor, data_, config, folder.path());
      trainer.run({});
      expect_equal(trainer.folded_weights(), expected);
    }
  }
}

// Dense codes at first, then sparse ones; each change is told once, and the log has the density.
TEST_P(TrainerTest, ReluBeginsDenseAndBecomesSparse) {
  const TemporaryFolder folder;
  for (TrainConfig config : every_kind_of_run(*backend_)) {
    if (config.coder.recipe != "relu_l1") continue;
    config.rate.steps = 500;
    std::vector<bool> changes;
    Trainer trainer(executor_, data_, config, folder.path());
    trainer.run({.on_log = [&](const TrainMetrics& m) { metrics_.push_back(m); },
                 .on_codes = [&](std::int64_t, bool dense, double) { changes.push_back(dense); }});
    ASSERT_GE(changes.size(), 2u);
    EXPECT_TRUE(changes.front());
    EXPECT_FALSE(changes.back());
    EXPECT_GT(metrics_.front().l0, metrics_.back().l0);
    EXPECT_FALSE(metrics_.back().dense);
    EXPECT_NEAR(metrics_.back().l0, config.target_l0, 1.0);
    EXPECT_LT(metrics_.back().fvu, 0.75) << "three latents a row, shrunk by the L1 term";
  }
}

TEST_P(TrainerTest, FoldedWeightsWorkOnTheDataAsItIs) {
  const TemporaryFolder folder;
  TrainConfig config = small_config();
  config.coder.decoder = DecoderConstraint::kNormAware;
  const auto weights = train(config, folder.path());
  CoderConfig coder = config.coder;
  coder.decoder = DecoderConstraint::kNone;
  constexpr std::int64_t kCount = 256;
  std::vector<std::int64_t> ids(kCount);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i);
  std::vector<float> x(kCount * kDim);
  data_.read(ids, x);
  const Array input = executor_.make_from(kCount, kDim, x), output = executor_.make(kCount, kDim);
  SparseCoder(executor_, coder, weights, kCount).reconstruct(input, output);
  const auto y = executor_.download_f32(output);
  double error = 0, mean = 0, variance = 0;
  for (const float v : x) mean += v / static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    error += std::pow(x[i] - y[i], 2), variance += std::pow(x[i] - mean, 2);
  EXPECT_LT(error / variance, 1.5 * metrics_.back().fvu);
}

TEST_P(TrainerTest, RefusesAForeignOrDamagedCheckpoint) {
  const TemporaryFolder folder;
  EXPECT_THROW(train(small_config(), folder.path(), 5), Error);
  TrainConfig other = small_config();
  other.rate.peak = 1e-3;
  try {
    train(other, folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadInput);
    EXPECT_NE(std::string(error.what()).find("lr"), std::string::npos) << error.what();
  }
  const auto file = folder.path() / "checkpoint" / "state.safetensors";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  EXPECT_THROW(train(small_config(), folder.path()), Error);
}

TEST_P(TrainerTest, StopsWhereDataIsNotFinite) {
  const TemporaryFolder folder;
  data_.at(1234 * kDim + 3) = std::nanf("");
  try {
    train(small_config(), folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadInput);
    EXPECT_NE(std::string(error.what()).find("row 1234"), std::string::npos) << error.what();
  }
}

std::vector<std::string> backends_that_run() {
  std::vector<std::string> names;
  for (const BackendEntry* entry : registered_backends())
    if (entry->probe()) names.emplace_back(entry->name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Backends, TrainerTest, testing::ValuesIn(backends_that_run()),
                         [](const auto& instance) { return instance.param; });

TEST(Folding, ScaleAndNormsKeepTheFunction) {
  CoderWeights weights{.w_enc = {1, 2, 3, 4},
                       .w_dec = {3, 4, 0, 2},
                       .b_enc = {0.5f, -1},
                       .b_dec = {2, 6},
                       .threshold = {1, 3}};
  fold_decoder_norms(weights);
  EXPECT_EQ(weights.w_dec, (std::vector<float>{0.6f, 0.8f, 0, 1}));
  EXPECT_EQ(weights.w_enc, (std::vector<float>{5, 10, 6, 8}));
  EXPECT_EQ(weights.b_enc, (std::vector<float>{2.5f, -2}));
  EXPECT_EQ(weights.threshold, (std::vector<float>{5, 6})) << "in units of pre-activations";
  fold_input_scale(weights, 2.0);
  EXPECT_EQ(weights.threshold, (std::vector<float>{5, 6}));
  EXPECT_EQ(weights.w_enc, (std::vector<float>{10, 20, 12, 16}));
  EXPECT_EQ(weights.w_dec, (std::vector<float>{0.3f, 0.4f, 0, 0.5f}));
  EXPECT_EQ(weights.b_dec, (std::vector<float>{1, 3}));
  EXPECT_EQ(weights.b_enc, (std::vector<float>{2.5f, -2}));
}

}  // namespace
}  // namespace polysem
