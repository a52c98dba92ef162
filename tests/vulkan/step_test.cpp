// A training step under the eyes of the validation layer, and with something broken on purpose.
#include <gtest/gtest.h>

#include <cmath>

#include "backends/vulkan/messages.hpp"
#include "polysem/error.hpp"
#include "tests/conformance/two_steps.hpp"
#include "tests/vulkan/environment.hpp"

namespace polysem {
namespace {

using test::EnvironmentVariable;
using test::kSoftwareDevice;
using test::StepOutcome;
using test::two_steps;

/// What an error said, or "".
template <class F>
std::string failure(F&& f) {
  try {
    f();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(VulkanStep, IsTheReferencesAndLeavesNothingBehind) {
  const EnvironmentVariable validate("POLYSEM_VK_VALIDATE", "1");
  vulkan::Messages::take();
  const auto reference = open_backend("reference");
  for (const float clip : {0.0f, 0.5f}) {
    for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
      const test::StepSetup setup{.clip = clip, .precision = precision};
      const StepOutcome expected = two_steps(*reference, setup);
      const StepOutcome found = two_steps(*open_backend(kSoftwareDevice), setup);
      EXPECT_NEAR(found.loss, expected.loss, (precision == Precision::kF32 ? 1e-6 : 1e-2) * expected.loss);
      if (precision != Precision::kF32) continue;
      for (std::size_t i = 0; i < found.w_enc.size(); ++i) {
        EXPECT_NEAR(found.w_enc[i], expected.w_enc[i], 1e-5);
        EXPECT_NEAR(found.w_dec[i], expected.w_dec[i], 1e-5);
      }
    }
  }
  EXPECT_TRUE(vulkan::Messages::take().empty()) << "said when the devices were closed";
}

// Results on this driver do not show that a barrier is missing; synchronisation validation does, for each.
class VulkanBarriers : public testing::TestWithParam<const char*> {};

TEST_P(VulkanBarriers, AreAllNeeded) {
  const EnvironmentVariable validate("POLYSEM_VK_VALIDATE", "1");
  int detected = 0, silent = 0;
  for (int i = 0; silent < 3; ++i) {
    const EnvironmentVariable drop("POLYSEM_VK_DROP_BARRIER", std::to_string(i));
    const std::string said =
        failure([] { two_steps(*open_backend(kSoftwareDevice), {.recipe = GetParam()}); });
    if (said.empty()) {
      ++silent;  // there is no barrier of this number
      continue;
    }
    EXPECT_EQ(silent, 0) << "barrier " << i - silent << " is missing and nothing was said";
    ASSERT_NE(said.find("SYNC-HAZARD"), std::string::npos) << said;
    ++detected;
  }
  RecordProperty("barriers", detected);
  EXPECT_GE(detected, 10) << "too few barriers for a training step: not a test";
  vulkan::Messages::take();
}

INSTANTIATE_TEST_SUITE_P(SlowRecipes, VulkanBarriers,
                         testing::Values("topk", "batch_topk", "jumprelu", "relu_l1"),
                         [](const auto& instance) { return std::string(instance.param); });

// Whatever call fails, once or as on a lost device from then on: an error that says so, nothing left behind,
// and a new start works.
/// Which calls fail: number `first` and from there every `stride`-th.
struct FaultPlan {
  const char* recipe;
  int first, stride;
};
void PrintTo(const FaultPlan& plan, std::ostream* out) {
  *out << plan.recipe << ", calls " << plan.first << " + " << plan.stride << " i";
}

class VulkanFaults : public testing::TestWithParam<FaultPlan> {
 protected:
  /// Breaks a step at one call after the other; returns about how many there are.
  int break_calls(const char* variable, ErrorCode code, int first, int stride) {
    const test::StepSetup setup{.recipe = GetParam().recipe};
    const StepOutcome expected = two_steps(*open_backend(kSoftwareDevice), setup);
    for (int i = first;; i += stride) {
      const EnvironmentVariable fail(variable, std::to_string(i));
      StepOutcome found;
      try {
        found = two_steps(*open_backend(kSoftwareDevice), setup);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        EXPECT_NE(std::string(error.what()).find("on purpose"), std::string::npos) << error.what();
        if (HasFailure()) return 0;
        continue;
      }
      EXPECT_EQ(found.w_dec, expected.w_dec);
      return i;
    }
  }
};

TEST_P(VulkanFaults, EveryFailingCallIsAnError) {
  const EnvironmentVariable validate("POLYSEM_VK_VALIDATE", "1");
  vulkan::Messages::take();
  const int calls =
      break_calls("POLYSEM_VK_FAIL_CALL", ErrorCode::kOutOfMemory, GetParam().first, GetParam().stride);
  RecordProperty("calls", calls);
  EXPECT_GE(calls, 150) << "too few calls for a training step: not a test";
  for (const std::string& message : vulkan::Messages::take()) ADD_FAILURE() << message;
}

TEST_P(VulkanFaults, ALostDeviceIsAnError) {
  EXPECT_GE(break_calls("POLYSEM_VK_LOSE_DEVICE", ErrorCode::kFailed, GetParam().first, 17), 150);
}

// Every call of the step of topk; of the others a part, for time.
INSTANTIATE_TEST_SUITE_P(SlowRecipes, VulkanFaults,
                         testing::Values(FaultPlan{"topk", 0, 2}, FaultPlan{"topk", 1, 2},
                                         FaultPlan{"batch_topk", 2, 9}, FaultPlan{"jumprelu", 3, 9},
                                         FaultPlan{"relu_l1", 5, 9}),
                         [](const auto& instance) {
                           return std::string(instance.param.recipe) + "_from_" +
                                  std::to_string(instance.param.first);
                         });

// Small windows change how the work is cut, not what comes out.
TEST(VulkanStep, SmallWindowsGiveTheSameBits) {
  const StepOutcome expected = two_steps(*open_backend(kSoftwareDevice));
  const EnvironmentVariable range("POLYSEM_VK_MAX_RANGE", "2048");
  const StepOutcome found = two_steps(*open_backend(kSoftwareDevice));
  EXPECT_EQ(found.w_enc, expected.w_enc);
  EXPECT_EQ(found.w_dec, expected.w_dec);
}

TEST(VulkanStep, EmptyShadersRun) {
  const EnvironmentVariable empty("POLYSEM_VK_EMPTY", "1");
  const auto backend = open_backend(kSoftwareDevice);
  Executor executor(*backend);
  const Array a = executor.make_from(1, 3, std::vector<float>{1, 2, 3});
  executor.run(Fill{1, 3, 7.0f}, {.out = a});
  EXPECT_EQ(executor.download_f32(a), (std::vector<float>{1, 2, 3}));
}

}  // namespace
}  // namespace polysem
