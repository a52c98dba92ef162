// A run that is stopped on one backend goes on on another, and ends where a single one would have.
#include <gtest/gtest.h>

#include <cmath>

#include "polysem/error.hpp"
#include "polysem/random.hpp"
#include "polysem/trainer.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/vulkan/small_step.hpp"

namespace polysem {
namespace {

constexpr std::int64_t kRows = 600, kDim = 12;

class Normals final : public RowSource {
 public:
  std::int64_t rows() const override { return kRows; }
  std::int64_t dim() const override { return kDim; }
  std::uint64_t bytes() const override { return kRows * kDim * sizeof(float); }
  std::string identity() const override { return "normals"; }
  void read(std::span<const std::int64_t> ids, std::span<float> out) const override {
    const Random random(7, RandomStream::kData);
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = random.normal(static_cast<std::uint64_t>(ids[i / kDim] * kDim) + i % kDim);
  }
};

TrainConfig config() {
  TrainConfig config;
  config.coder = {.d_in = kDim, .d_out = kDim, .latents = 48, .k = 3};
  config.coder.aux_k = 4;
  config.coder.dead_window = 200;
  config.batch = 32;
  config.rate = {.peak = 2e-3, .warmup = 5, .decay = 5, .steps = 40};
  config.log_every = 10;
  return config;
}

/// Trains up to step `until`, taking up what is in the folder; the end's loss, or 0 where it was stopped.
double train(const std::string& backend_name, const std::filesystem::path& folder, std::int64_t until) {
  const auto backend = open_backend(backend_name);
  Executor executor(*backend);
  const Normals data;
  Trainer trainer(executor, data, config(), folder);
  trainer.resume();
  try {
    trainer.run({.stop_requested = [&] { return trainer.step() == until; }});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInterrupted) throw;
    return 0;
  }
  return trainer.last_metrics().loss;
}

TEST(VulkanTraining, FollowsTheReferenceAndChangesPlacesWithIt) {
  const test::TemporaryFolder alone, there, back;
  const double expected = train("reference", alone.path(), -1);
  ASSERT_GT(expected, 0);
  EXPECT_NEAR(train(test::kSoftwareDevice, there.path() / "whole", -1), expected, 1e-4 * expected);
  train("reference", there.path(), 20);
  EXPECT_NEAR(train(test::kSoftwareDevice, there.path(), -1), expected, 1e-4 * expected);
  train(test::kSoftwareDevice, back.path(), 20);
  EXPECT_NEAR(train("reference", back.path(), -1), expected, 1e-4 * expected);
}

// Stopped and taken up again on the device itself: the same bits.
TEST(VulkanTraining, ResumesToTheSameBits) {
  const test::TemporaryFolder whole, parts;
  const double expected = train(test::kSoftwareDevice, whole.path(), -1);
  train(test::kSoftwareDevice, parts.path(), 17);
  EXPECT_EQ(train(test::kSoftwareDevice, parts.path(), -1), expected);
}

}  // namespace
}  // namespace polysem
