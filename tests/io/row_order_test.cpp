#include "polysem/row_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "polysem/error.hpp"

namespace polysem {
namespace {

std::vector<std::int64_t> epoch_of(const RowOrder& order, std::int64_t rows, std::int64_t epoch) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < rows; ++i) ids.push_back(order.row(epoch * rows + i));
  return ids;
}

bool is_permutation_of_all(std::vector<std::int64_t> ids) {
  std::sort(ids.begin(), ids.end());
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (ids[i] != static_cast<std::int64_t>(i)) return false;
  return true;
}

TEST(RowOrder, EveryEpochVisitsEveryRowOnce) {
  for (const std::int64_t rows : {1, 2, 3, 4, 5, 17, 1000, 4097}) {
    const RowOrder order(rows, 0, 9);
    for (const std::int64_t epoch : {0, 1, 5})
      EXPECT_TRUE(is_permutation_of_all(epoch_of(order, rows, epoch))) << rows;
  }
}

TEST(Permutation, InverseUndoes) {
  for (const std::int64_t count : {1, 2, 3, 100, 1025}) {
    const Permutation permutation(count, Random(4, RandomStream::kShuffle));
    for (std::int64_t i = 0; i < count; ++i) EXPECT_EQ(permutation.inverse(permutation(i)), i);
  }
}

TEST(RowOrder, LargeDataVisitsEveryRowOnceInWindows) {
  constexpr std::int64_t kWindowRows = RowOrder::kBlockRows * RowOrder::kWindowBlocks;
  for (const std::int64_t rows :
       {std::int64_t{700}, std::int64_t{5000}, kWindowRows, 2 * kWindowRows + 12345}) {
    const RowOrder order(rows, RowOrder::kWholeBytes + 1, 9);
    const auto ids = epoch_of(order, rows, 3);
    EXPECT_TRUE(is_permutation_of_all(ids)) << rows;
    // What is read for one window are at most so many different blocks.
    std::vector<std::int64_t> blocks;
    for (std::size_t i = 0;
         i < ids.size() && i < static_cast<std::size_t>(kWindowRows - RowOrder::kBlockRows); ++i)
      blocks.push_back(ids[i] / RowOrder::kBlockRows);
    std::sort(blocks.begin(), blocks.end());
    blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
    EXPECT_LE(blocks.size(), static_cast<std::size_t>(RowOrder::kWindowBlocks));
  }
}

TEST(RowOrder, SeedsAndEpochsDiffer) {
  const RowOrder a(1000, 0, 1), b(1000, 0, 2);
  EXPECT_NE(epoch_of(a, 1000, 0), epoch_of(b, 1000, 0));
  EXPECT_NE(epoch_of(a, 1000, 0), epoch_of(a, 1000, 1));
  EXPECT_EQ(epoch_of(a, 1000, 0), epoch_of(RowOrder(1000, 0, 1), 1000, 0));
}

// Over 2000 seeds the mean of (where row 0 goes) has standard error 0.577 * 50 / sqrt(2000) = 0.65.
TEST(RowOrder, PlacesAreUniform) {
  double sum = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) sum += static_cast<double>(RowOrder(101, 0, seed).row(0));
  EXPECT_NEAR(sum / 2000, 50, 4);
}

TEST(RowOrder, RefusesEmptyData) { EXPECT_THROW(RowOrder(0, 0, 0), Error); }

}  // namespace
}  // namespace polysem
