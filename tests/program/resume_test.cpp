// Training runs that are killed, and taken up again by --resume, end in the same bytes as one that was left
// alone.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "polysem/random.hpp"
#include "tests/program/durable_run.hpp"

namespace polysem {
namespace {

constexpr int kSteps = 48, kKilled = 128 + 9;

class SlowResume : public DurableRun {
 protected:
  /// Every recipe that the program knows, with few active latents where it lets the user say how many.
  std::vector<std::pair<std::string, std::string>> recipes() const {
    EXPECT_EQ(run("train --list-recipes --json recipes.json").code, 0);
    std::vector<std::pair<std::string, std::string>> list;
    const auto found = read_json("recipes.json");
    for (const auto& recipe : found["recipes"]) {
      std::string options;
      for (const auto& parameter : recipe["parameters"])
        if (parameter["option"] == "k") options = "--k 2";
      list.emplace_back(recipe["name"], options);
    }
    EXPECT_FALSE(list.empty());
    return list;
  }

  /// Starts the run until it is done, each time with the next of `before` in front; returns how often it was
  /// killed.
  template <class Before>
  int run_in_pieces(const std::string& command, const Before& before) const {
    std::filesystem::remove_all(folder_ / "pieces");
    for (int killed = 0; killed < 200; ++killed) {
      const Outcome o = run(command + "pieces", killed < 12 ? before(killed) : "");
      if (o.code == 0) return killed;
      EXPECT_EQ(o.code, kKilled) << o.errors;
      if (o.code != kKilled) break;
    }
    ADD_FAILURE() << "does not come to an end";
    return 0;
  }
};

// Before a call that opens, writes, flushes or renames a file: the moments at which files are half made.
TEST_F(SlowResume, KilledBetweenAnyTwoCallsOfTheSystem) {
  if (!have_faults()) GTEST_SKIP() << kNoFaults;
  const Random random(4, RandomStream::kNoise);
  std::uint64_t draw = 0;
  for (const auto& [recipe, options] : recipes()) {
    for (const char* precision : {"f32", "bf16"}) {
      SCOPED_TRACE(recipe + " in " + precision);
      const std::string command = train(recipe, kSteps, options + " --precision " + precision);
      std::filesystem::remove_all(folder_ / "whole");
      ASSERT_EQ(run(command + "whole").code, 0);
      const int killed = run_in_pieces(
          command, [&](int) { return fault("change:kill:" + std::to_string(1 + random.below(60, draw++))); });
      EXPECT_GE(killed, 4);
      expect_same_run("pieces", "whole");
    }
  }
}

// After any time: mostly in the midst of a step.
TEST_F(SlowResume, KilledAtAnyTime) {
  const Random random(5, RandomStream::kNoise);
  std::uint64_t draw = 0;
  for (const auto& [recipe, options] : recipes()) {
    SCOPED_TRACE(recipe);
    const std::string command = train(recipe, 8 * kSteps, options);
    const auto start = std::chrono::steady_clock::now();
    std::filesystem::remove_all(folder_ / "whole");
    ASSERT_EQ(run(command + "whole").code, 0);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    int killed = 0;
    for (int tries = 0; killed == 0 && tries < 6;
         ++tries, seconds /= 2) {  // the first run may have been slow
      killed = run_in_pieces(command, [&](int) {
        char line[60];
        std::snprintf(line, sizeof line, "timeout -s KILL %.4f",
                      seconds * (0.1 + 0.5 * random.uniform(draw++)));
        return std::string(line);
      });
      expect_same_run("pieces", "whole");
    }
    EXPECT_GT(killed, 0);
  }
}

// The last step is saved, but not what comes after it.
TEST_F(SlowResume, KilledWhileTheCoderIsWritten) {
  if (!have_faults()) GTEST_SKIP() << kNoFaults;
  const std::string command = train("topk", 8, "--k 2");
  ASSERT_EQ(run(command + "whole").code, 0);
  int calls = 1;
  for (; calls < 500; ++calls) {
    std::filesystem::remove_all(folder_ / "pieces");
    const Outcome o = run(command + "pieces", fault("change:kill:" + std::to_string(calls)));
    if (o.code == 0) break;
    ASSERT_EQ(o.code, kKilled) << o.errors;
    ASSERT_EQ(run(command + "pieces").code, 0);
    expect_same_run("pieces", "whole");
  }
  EXPECT_GT(calls, 40);
  EXPECT_LT(calls, 500);
}

}  // namespace
}  // namespace polysem
