// A run that is stopped on one backend goes on on another, and ends where a single one would have.
#include <gtest/gtest.h>

#include "polysem/error.hpp"
#include "tests/conformance/backends.hpp"
#include "tests/conformance/small_training.hpp"
#include "tests/io/temporary_folder.hpp"

namespace polysem::conformance {
namespace {

/// Trains up to step `until`, taking up what is in the folder; the end's loss, or 0 where it was stopped.
double train(Backend& backend, const std::filesystem::path& folder, std::int64_t until) {
  Executor executor(backend);
  const test::NormalRows data;
  Trainer trainer(executor, data, test::small_training(40), folder);
  trainer.resume();
  try {
    trainer.run({.stop_requested = [&] { return trainer.step() == until; }});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInterrupted) throw;
    return 0;
  }
  return trainer.last_metrics().loss;
}

class Training : public BackendTest {};

TEST_P(Training, FollowsTheReferenceAndChangesPlacesWithIt) {
  Backend& reference = opened("reference");
  const test::TemporaryFolder alone, there, back;
  const double expected = train(reference, alone.path(), -1);
  ASSERT_GT(expected, 0);
  EXPECT_NEAR(train(backend(), there.path() / "whole", -1), expected, 1e-4 * expected);
  train(reference, there.path(), 20);
  EXPECT_NEAR(train(backend(), there.path(), -1), expected, 1e-4 * expected);
  train(backend(), back.path(), 20);
  EXPECT_NEAR(train(reference, back.path(), -1), expected, 1e-4 * expected);
}

// Stopped and taken up again on the device itself: the same bits.
TEST_P(Training, ResumesToTheSameBits) {
  const test::TemporaryFolder whole, parts;
  const double expected = train(backend(), whole.path(), -1);
  train(backend(), parts.path(), 17);
  EXPECT_EQ(train(backend(), parts.path(), -1), expected);
}

POLYSEM_FOR_EVERY_BACKEND(Training);

}  // namespace
}  // namespace polysem::conformance
