#include "polysem/row_order.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "polysem/error.hpp"

namespace polysem {

namespace {

// Purposes of the shuffle stream's numbers inside one epoch: substream = 4 epoch + purpose.
enum Purpose : std::uint32_t { kRows, kBlocks, kWindow };

constexpr std::uint64_t kRounds = 6;

Random stream(std::uint64_t seed, std::uint32_t epoch, Purpose purpose) {
  return {seed, RandomStream::kShuffle, epoch * 4 + purpose};
}

}  // namespace

Permutation::Permutation(std::int64_t count, Random random) noexcept
    : count_(static_cast<std::uint64_t>(count)), random_(random) {
  const int bits = std::bit_width(count_ > 0 ? count_ - 1 : 0);
  half_bits_ = std::max(1, (bits + 1) / 2);
  mask_ = (std::uint64_t{1} << half_bits_) - 1;
}

std::uint64_t Permutation::mixed(std::uint64_t round, std::uint64_t half) const noexcept {
  return random_.bits((round << half_bits_) | half) & mask_;
}

std::int64_t Permutation::operator()(std::int64_t index) const noexcept {
  auto value = static_cast<std::uint64_t>(index);
  do {
    std::uint64_t left = value >> half_bits_, right = value & mask_;
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      left ^= mixed(round, right);
      std::swap(left, right);
    }
    value = (left << half_bits_) | right;
  } while (value >= count_);
  return static_cast<std::int64_t>(value);
}

std::int64_t Permutation::inverse(std::int64_t value) const noexcept {
  auto index = static_cast<std::uint64_t>(value);
  do {
    std::uint64_t left = index >> half_bits_, right = index & mask_;
    for (std::uint64_t round = kRounds; round-- > 0;) {
      std::swap(left, right);
      left ^= mixed(round, right);
    }
    index = (left << half_bits_) | right;
  } while (index >= count_);
  return static_cast<std::int64_t>(index);
}

RowOrder::RowOrder(std::int64_t rows, std::uint64_t bytes, std::uint64_t seed)
    : rows_(rows), seed_(seed), whole_(bytes <= kWholeBytes) {
  if (rows < 1) throw Error(ErrorCode::kInvalidArgument, "there are no rows to shuffle");
}

std::int64_t RowOrder::row(std::int64_t sample) const noexcept {
  const auto epoch = static_cast<std::uint32_t>(sample / rows_);
  const std::int64_t position = sample % rows_;
  if (!whole_) return row_in_windows(position, epoch);
  return Permutation(rows_, stream(seed_, epoch, kRows))(position);
}

// The last block may be short. Wherever the shuffle puts it, everything after it moves forward by what it
// lacks.
std::int64_t RowOrder::row_in_windows(std::int64_t position, std::uint32_t epoch) const noexcept {
  const std::int64_t blocks = (rows_ + kBlockRows - 1) / kBlockRows;
  const std::int64_t lacking = blocks * kBlockRows - rows_;
  const Permutation block_at(blocks, stream(seed_, epoch, kBlocks));
  const std::int64_t short_slot = block_at.inverse(blocks - 1);
  const auto start_of = [&](std::int64_t slot) {
    return slot * kBlockRows - (slot > short_slot ? lacking : 0);
  };

  std::int64_t window = position / (kWindowBlocks * kBlockRows);
  if (position >= start_of(std::min(blocks, (window + 1) * kWindowBlocks))) ++window;
  const std::int64_t first_slot = window * kWindowBlocks,
                     last_slot = std::min(blocks, first_slot + kWindowBlocks);
  const std::int64_t window_start = start_of(first_slot), window_rows = start_of(last_slot) - window_start;
  // One stream for all windows of an epoch; windows differ by the numbers that they take from it.
  const auto window_seed = seed_ ^ (static_cast<std::uint64_t>(window + 1) * 0x9E3779B97F4A7C15u);
  const Permutation mix(window_rows, stream(window_seed, epoch, kWindow));
  const std::int64_t place = window_start + mix(position - window_start);

  std::int64_t slot = place / kBlockRows;
  if (place >= start_of(slot + 1)) ++slot;
  return block_at(slot) * kBlockRows + (place - start_of(slot));
}

}  // namespace polysem
