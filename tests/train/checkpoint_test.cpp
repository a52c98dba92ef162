#include "lib/train/checkpoint.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <vector>

#include "polysem/file.hpp"
#include "polysem/random.hpp"
#include "polysem/trainer.hpp"
#include "tests/io/hostile.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using test::expect_error;
using test::TemporaryFolder;

constexpr std::int64_t kDim = 4, kRows = 64;

/// Small enough that a checkpoint can be cut at every byte.
class FewRows final : public RowSource {
 public:
  explicit FewRows(float spread = 1.0f) : spread_(spread) {}
  std::int64_t rows() const override { return kRows; }
  std::int64_t dim() const override { return kDim; }
  std::uint64_t bytes() const override { return kRows * kDim * 4; }
  std::string identity() const override { return "few rows"; }
  void read(std::span<const std::int64_t> ids, std::span<float> out) const override {
    const Random random(4, RandomStream::kData);
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = 3.0f + spread_ * random.normal(static_cast<std::uint64_t>(ids[i / kDim]) * kDim + i % kDim);
  }

 private:
  float spread_;
};

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() : backend_(open_backend("reference", 1)), executor_(*backend_) {}

  static TrainConfig config() {
    TrainConfig config;
    config.coder = {.d_in = kDim, .d_out = kDim, .latents = 8, .k = 2};
    config.coder.aux_k = 2;
    config.batch = 8;
    config.rate = {.peak = 1e-3, .steps = 6};
    config.log_every = 1;
    return config;
  }
  std::filesystem::path file() const { return folder_ / "checkpoint" / "state.safetensors"; }
  Trainer trainer() { return {executor_, data_, config(), folder_.path()}; }
  void run(Trainer& trainer, std::int64_t stop_after) {
    trainer.run(
        {.on_log = {}, .on_step = {}, .stop_requested = [&] { return trainer.step() >= stop_after; }});
  }
  void stop_after(std::int64_t steps) {
    Trainer t = trainer();
    expect_error(ErrorCode::kInterrupted, "stopped after step", [&] { run(t, steps); });
  }

  TemporaryFolder folder_;
  FewRows data_;
  std::unique_ptr<Backend> backend_;
  Executor executor_;
};

TEST_F(CheckpointTest, RefusesEveryTruncation) {
  stop_after(2);
  test::refuse_every_truncation(file(), read_file(file()), [&] { trainer().resume(); });
}

TEST_F(CheckpointTest, RefusesEveryFlippedBit) {
  stop_after(2);
  const std::string whole = read_file(file());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ (1u << i % 8));
    test::put(file(), bytes);
    EXPECT_FALSE(test::survives([&] { trainer().resume(); }, "bit " + std::to_string(i)))
        << "went on with bit " << i % 8 << " of byte " << i << " flipped";
  }
}

TEST_F(CheckpointTest, SaysThatTheDataIsDamaged) {
  stop_after(2);
  std::string bytes = read_file(file());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  test::put(file(), bytes);
  expect_error(ErrorCode::kBadInput, "state.safetensors: the checkpoint is damaged",
               [&] { trainer().resume(); });
}

TEST_F(CheckpointTest, SurvivesMutation) {
  stop_after(4);
  test::survive_mutations(file(), read_file(file()), 400, [&] { trainer().resume(); });
}

TEST_F(CheckpointTest, RefusesCountersOutOfRange) {
  stop_after(2);
  const CheckpointText good = read_checkpoint_text(file());
  const auto refuse = [&](const std::string& key, const std::string& value, const std::string& part) {
    CheckpointText text = good;
    text[key] = value;
    write_checkpoint(executor_, file(), {}, text);
    expect_error(ErrorCode::kBadInput, part, [&] { trainer().resume(); });
  };
  refuse("step", "7", "out of range");
  refuse("step", "-1", "expected a count");
  refuse("step", "1.5", "expected a count");
  refuse("step", "1e300", "expected a count");
  refuse("step", "", "expected a number");
  refuse("input_scale", "0", "out of range");
  refuse("input_scale", "nan", "expected a number");
  refuse("input_scale", "1x", "expected a number");
  refuse("target_variance", "-1", "out of range");
  refuse("target_variance", "inf", "expected a number");
  refuse("data", "other rows", "data");
  refuse("step", "2", "\"W_enc\" is missing");
}

TEST_F(CheckpointTest, FullDiskKeepsTheCheckpointBefore) {
  stop_after(2);
  const std::string before = read_file(file());
  Trainer t = trainer();
  ASSERT_TRUE(t.resume());
  {
    const test::FileSizeLimit disk(512);
    expect_error(ErrorCode::kFailed, "state.safetensors: File too large", [&] { run(t, 3); });
  }
  EXPECT_EQ(read_file(file()), before);
}

TEST_F(CheckpointTest, SaysWhyTheFolderCannotBeMade) {
  test::put(folder_ / "checkpoint", "a file where the folder should be");
  Trainer t = trainer();
  expect_error(ErrorCode::kFailed, "checkpoint", [&] { run(t, 1); });
}

TEST_F(CheckpointTest, RefusesRowsThatAreAllTheSame) {
  const FewRows same(0.0f);
  Trainer t(executor_, same, config(), folder_.path());
  expect_error(ErrorCode::kBadInput, "all the same", [&] { run(t, 1); });
}

TEST(Checkpoint, NumbersAreExact) {
  const std::filesystem::path file("f");
  for (const double value : {0.1, 1.0 / 3, 5e-324, std::numeric_limits<double>::max(), -0.0, 1e22}) {
    const double back = exact_value(file, {{"v", exact(value)}}, "v");
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << exact(value);
  }
  EXPECT_EQ(exact(0.1), "0.1");
}

}  // namespace
}  // namespace polysem
