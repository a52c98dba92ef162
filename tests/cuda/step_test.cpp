// Training steps on the emulated device with calls that fail: an error that says so, nothing left behind, and
// a run that goes on from its checkpoint to the bits that it would have ended in.
#include <gtest/gtest.h>

#include "polysem/error.hpp"
#include "tests/conformance/small_training.hpp"
#include "tests/conformance/two_steps.hpp"
#include "tests/cuda/emulated/faults.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem {
namespace {

using emulated::faults;
using emulated::forget_faults;

class CudaStep : public testing::TestWithParam<const char*> {
 protected:
  void TearDown() override { forget_faults(); }
};

// A failed capture is made good by running the step as it is, so not every failure is an error.
TEST_P(CudaStep, FailingCallsAreErrorsOrChangeNothing) {
  const test::StepSetup setup{.recipe = GetParam()};
  forget_faults();
  const test::StepOutcome expected = test::two_steps(*open_backend("cuda"), setup);
  const std::uint64_t calls = faults().calls;
  ASSERT_GT(calls, 100u) << "too few calls for a training step: not a test";
  const std::int64_t before = faults().allocations;
  int failures = 0;
  for (const bool sticky : {false, true}) {
    for (std::uint64_t i = 1; i <= calls; i += 11) {
      forget_faults();
      faults().fail_call = i, faults().sticky = sticky;
      faults().error = i % 2 == 0 ? cudaErrorMemoryAllocation : cudaErrorLaunchFailure;
      try {
        EXPECT_EQ(test::two_steps(*open_backend("cuda"), setup).w_dec, expected.w_dec) << "call " << i;
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()), "");
        ++failures;
      }
      faults().fail_call = 0;
      EXPECT_EQ(faults().allocations, before) << "after call " << i << " failed";
    }
  }
  EXPECT_GT(failures, static_cast<int>(calls / 11));
}

INSTANTIATE_TEST_SUITE_P(Recipes, CudaStep, testing::Values("topk", "batch_topk", "jumprelu", "relu_l1"),
                         [](const auto& instance) { return std::string(instance.param); });

/// The decoder in the end.
std::vector<float> train(const std::filesystem::path& folder) {
  const auto backend = open_backend("cuda");
  Executor executor(*backend);
  const test::NormalRows data;
  TrainConfig config = test::small_training(12);
  config.checkpoint_every = 3;
  Trainer trainer(executor, data, config, folder);
  trainer.resume();
  trainer.run({});
  return trainer.folded_weights().w_dec;
}

TEST(CudaTraining, GoesOnFromTheLastCheckpointAfterAFailure) {
  forget_faults();
  const test::TemporaryFolder whole;
  const std::vector<float> expected = train(whole.path());
  const std::uint64_t calls = faults().calls;
  int failures = 0;
  for (std::uint64_t i = 1; i <= calls; i += calls / 5) {
    const test::TemporaryFolder folder;
    forget_faults();
    faults().fail_call = i, faults().sticky = true;  // as a lost device
    try {
      train(folder.path());
    } catch (const Error&) {
      ++failures;
    }
    forget_faults();
    EXPECT_EQ(train(folder.path()), expected) << "after call " << i << " of " << calls;
  }
  EXPECT_GE(failures, 5);
}

}  // namespace
}  // namespace polysem
