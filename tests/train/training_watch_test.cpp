#include "polysem/training_watch.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace polysem {
namespace {

TrainConfig config_of(std::int64_t steps) {
  TrainConfig config;
  config.rate.peak = 2e-3;
  config.rate.warmup = 100;
  config.rate.steps = steps;
  config.coder.recipe = "jumprelu";
  config.coder.aux_k = 256;
  return config;
}

/// Lines every 50 steps of 2,000, made by `fill` from the share of the run that is done.
std::vector<TrainingWarning> watch(const std::function<void(TrainMetrics&, double)>& fill, TrainConfig config,
                                   double target_l0 = 0) {
  config.target_l0 = target_l0;
  TrainingWatch watch(config);
  std::size_t told = 0;
  for (std::int64_t step = 50; step <= config.rate.steps; step += 50) {
    const double done = static_cast<double>(step) / static_cast<double>(config.rate.steps);
    TrainMetrics m{.step = step, .fvu = 0.2 + 0.5 * std::exp(-10 * done), .l0 = 32};
    fill(m, done);
    told += watch.look(m).size();
  }
  EXPECT_EQ(told, watch.warnings().size());
  return watch.warnings();
}

std::vector<TrainingWarning> watch(const std::function<void(TrainMetrics&, double)>& fill,
                                   double target_l0 = 0) {
  return watch(fill, config_of(2000), target_l0);
}

TEST(TrainingWatch, IsSilentWhereARunGoesWell) {
  EXPECT_TRUE(watch([](TrainMetrics&, double) {}).empty());
  // Noise of a tenth, dead latents that AuxK revives, warm-up above FVU 1, L0 on its way to the target.
  const auto lively = [](TrainMetrics& m, double done) {
    m.fvu *= 1 + 0.1 * std::sin(7e3 * done);
    m.dead_fraction = 0.4 * std::exp(-5 * done);
    if (m.step <= 100) m.fvu = 20;
    m.l0 = 32 + 2000 * std::exp(-20 * done);
  };
  const auto found = watch(lively, 32);
  EXPECT_TRUE(found.empty()) << found.front().message;
}

TEST(TrainingWatch, NamesDeadLatentsThatGrow) {
  const auto dying = [](TrainMetrics& m, double done) { m.dead_fraction = 0.5 * done; };
  const auto found = watch(dying);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, "dead_latents");
  EXPECT_EQ(found[0].step, 800);  // 0.5 * 800 / 2000 is the limit, 0.2
  EXPECT_EQ(found[0].message,
            "20 % of the latents are dead at step 800, 17.5 % at step 700; try a larger --aux-coefficient "
            "(now 0.0312), "
            "a smaller --lr (now 0.002) or fewer --latents");
  TrainConfig without = config_of(2000);
  without.coder.aux_k = 0;
  EXPECT_NE(watch(dying, without)[0].message.find("--aux-k 256"), std::string::npos);
  EXPECT_TRUE(watch([](TrainMetrics& m, double) { m.dead_fraction = 0.3; }).empty());  // many, but no more
}

TEST(TrainingWatch, NamesAnL0ThatStaysAway) {
  const auto found = watch([](TrainMetrics& m, double) { m.l0 = 400; }, 32);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, "l0_stuck");
  EXPECT_EQ(found[0].step, 350);  // the first line after warm-up is 150, and a tenth of the run is 200 steps
  EXPECT_NE(found[0].message.find("larger --l0-coefficient"), std::string::npos);
  EXPECT_NE(watch([](TrainMetrics& m, double) { m.l0 = 2; }, 32)[0].message.find("smaller"),
            std::string::npos);
  EXPECT_TRUE(watch([](TrainMetrics& m, double) { m.l0 = 400; }, 0).empty());
}

TEST(TrainingWatch, NamesALossThatDoesNotFall) {
  const auto worse = watch([](TrainMetrics& m, double) { m.fvu = 1.2; });
  ASSERT_EQ(worse.size(), 1u);
  EXPECT_EQ(worse[0].kind, "fvu_above_1");
  EXPECT_EQ(worse[0].step, 250);  // the third line after warm-up
  const auto rising = watch([](TrainMetrics& m, double done) { m.fvu = done < 0.5 ? 0.2 : 0.35; });
  ASSERT_EQ(rising.size(), 1u);
  EXPECT_EQ(rising[0].kind, "loss_rising");
  EXPECT_EQ(rising[0].step, 1100);  // the third line of those from 1000 on
  EXPECT_NE(rising[0].message.find("--clip 1"), std::string::npos);
  const auto stuck = watch([](TrainMetrics& m, double) { m.fvu = 0.97; });
  ASSERT_EQ(stuck.size(), 1u);
  EXPECT_EQ(stuck[0].kind, "not_learning");
  EXPECT_EQ(stuck[0].step, 550);  // the first line after a quarter of the run
}

}  // namespace
}  // namespace polysem
