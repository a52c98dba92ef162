#pragma once

#include <cstdint>

#include "polysem/random.hpp"

namespace polysem {

/// A pseudo-random permutation of 0 .. count - 1 without a table: a Feistel network of six Philox rounds over
/// the next power of four, walked until it lands inside (Black & Rogaway, "Ciphers with arbitrary finite
/// domains", 2002).
class Permutation {
 public:
  Permutation(std::int64_t count, Random random) noexcept;
  std::int64_t operator()(std::int64_t index) const noexcept;
  /// The index that is mapped to `value`.
  std::int64_t inverse(std::int64_t value) const noexcept;

 private:
  std::uint64_t mixed(std::uint64_t round, std::uint64_t half) const noexcept;

  std::uint64_t count_, mask_;
  int half_bits_;
  Random random_;
};

/// The shuffled pass: which row is sample number s of a run, counted over all epochs. Depends on rows, bytes
/// and seed alone and needs no memory, so that a run can be taken up anywhere.
///
/// Data of up to kWholeBytes is shuffled as a whole. Larger data would be read all over the disk that way:
/// there, blocks of kBlockRows neighbouring rows are shuffled, and rows are mixed within windows of
/// kWindowBlocks blocks.
class RowOrder {
 public:
  static constexpr std::uint64_t kWholeBytes = std::uint64_t{8} << 30;
  static constexpr std::int64_t kBlockRows = 1024, kWindowBlocks = 256;

  /// Throws Error{kInvalidArgument} where there is no row.
  RowOrder(std::int64_t rows, std::uint64_t bytes, std::uint64_t seed);
  std::int64_t row(std::int64_t sample) const noexcept;

 private:
  std::int64_t row_in_windows(std::int64_t position, std::uint32_t epoch) const noexcept;

  std::int64_t rows_;
  std::uint64_t seed_;
  bool whole_;
};

}  // namespace polysem
