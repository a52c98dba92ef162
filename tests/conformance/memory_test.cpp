// What every backend does with much memory, with none, and with matrices of more than 2^31 elements.
#include <gtest/gtest.h>

#include <optional>

#include "polysem/error.hpp"
#include "polysem/executor.hpp"
#include "tests/conformance/backends.hpp"

namespace polysem::conformance {
namespace {

using Values = std::vector<float>;

class MemoryOf : public BackendTest {};

TEST_P(MemoryOf, WhatIsNotThereIsAnErrorAndTheBackendStaysUsable) {
  Executor run(backend());
  const Array before = run.make_from(1, 3, Values{1, 2, 3});
  for (const std::uint64_t bytes : {std::uint64_t{1} << 60, ~std::uint64_t{0}, ~std::uint64_t{0} - 100}) {
    try {
      backend().allocate(bytes);
      ADD_FAILURE() << "allocated " << bytes << " bytes";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
      EXPECT_NE(std::string(error.what()).find(std::to_string(bytes)), std::string::npos) << error.what();
    }
  }
  run.run(Elementwise{.rows = 1, .cols = 3, .alpha = 2}, {.a = before, .b = {}, .out = before});
  EXPECT_EQ(run.download_f32(before), (Values{2, 4, 6}));
}

TEST_P(MemoryOf, NothingAtAllIsAlsoMemory) {
  const auto none = backend().allocate(0);
  EXPECT_EQ(none->bytes(), 0u);
  Executor run(backend());
  const Array empty = run.make(0, 7);
  run.run(Fill{0, 7, 1.0f}, {.out = empty});
  EXPECT_TRUE(run.download_f32(empty).empty());
}

TEST_P(MemoryOf, OpensAndClosesAHundredTimes) {
  for (int i = 0; i < 100; ++i) {
    const auto other = open_backend(GetParam(), 2);
    EXPECT_EQ(other->allocate(1000)->bytes(), 1000u);
  }
}

/// bf16 matrices of 2^31 elements and some rows more, of which only the last row is ever touched: 4 GiB of
/// addresses and a few pages. Where a device has no such memory, it says so.
class LargeMatrix : public BackendTest {
 protected:
  static constexpr std::int64_t kRows = (std::int64_t{1} << 16) + 8, kCols = std::int64_t{1} << 15;
  static constexpr std::int32_t kLast = kRows - 1;

  void SetUp() override {
    BackendTest::SetUp();
    if (IsSkipped()) return;
    run_.emplace(backend());
    try {
      large_ = run_->make(kRows, kCols, DType::kBF16);
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
      GTEST_SKIP() << error.what();
    }
    values_.resize(kCols);
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<float>(i % 128) + 1;
    row_ = run_->make_from(1, kCols, values_);
    last_ = run_->make_from(1, 1, std::vector<std::int32_t>{kLast});
    run_->run(Elementwise{.rows = 1, .cols = kCols},
              {.a = row_, .b = {}, .out = large_.view().row_range(kLast, 1)});
  }

  std::optional<Executor> run_;
  Array large_, row_, last_;
  Values values_;
};

TEST_P(LargeMatrix, RowsComeFromAndGoToItsEnd) {
  const Array found = run_->make(1, kCols);
  run_->run(GatherRows{.rows = 1, .cols = kCols, .table_rows = kRows},
            {.table = large_, .ids = last_, .out = found});
  EXPECT_TRUE(run_->download_f32(found) == values_);
}

TEST_P(LargeMatrix, CodesPointToItsEnd) {
  const Array one = run_->make_from(1, 1, Values{2}), output = run_->make(1, kCols),
              gradient = run_->make(1, 1);
  run_->run(SparseDecode{.rows = 1, .latents = kRows, .d_out = kCols, .k = 1, .capacity = 1},
            {.values = one,
             .ids = last_,
             .row_offsets = {},
             .w_dec = large_,
             .bias = {},
             .base = {},
             .target = {},
             .output = output,
             .error = {},
             .row_loss = {}});
  const Values found = run_->download_f32(output);
  double squares = 0;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    EXPECT_EQ(found[i], 2 * values_[i]);
    squares += static_cast<double>(values_[i]) * values_[i];
  }
  run_->run(
      SparseGradValues{.rows = 1, .latents = kRows, .d_out = kCols, .k = 1, .capacity = 1},
      {.error = row_, .w_dec = large_, .values = one, .ids = last_, .row_offsets = {}, .gradient = gradient});
  EXPECT_NEAR(run_->download_f32(gradient)[0], squares, 1e-5 * squares);
}

POLYSEM_FOR_EVERY_BACKEND(MemoryOf);
POLYSEM_FOR_EVERY_BACKEND(LargeMatrix);

}  // namespace
}  // namespace polysem::conformance
