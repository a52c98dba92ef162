#pragma once

#include <future>
#include <vector>

#include "polysem/row_order.hpp"
#include "polysem/row_source.hpp"

namespace polysem {

/// Batches of a source in shuffled order, times a factor. Batch number s holds the samples [s batch, (s + 1)
/// batch) of one epoch after another; the next batch is read while the caller works on this one.
class RowFeeder {
 public:
  RowFeeder(const RowSource& source, std::uint64_t seed, std::int64_t batch);
  void set_scale(double scale) noexcept { scale_ = static_cast<float>(scale); }

  /// Rows of batch `number`, [batch, dim]; valid until the next call. Throws Error{kBadInput} for NaN or Inf.
  const std::vector<float>& batch(std::int64_t number);
  /// The first `count` rows of the order, unscaled.
  std::vector<float> first_rows(std::int64_t count) const;

 private:
  std::vector<float> read(std::int64_t first_sample, std::int64_t count, float scale) const;

  const RowSource* source_;
  RowOrder order_;
  std::int64_t batch_;
  float scale_ = 1.0f;
  std::vector<float> current_;
  std::int64_t next_number_ = -1;
  std::future<std::vector<float>> next_;  ///< waits for its thread when it goes, so before what that reads
};

}  // namespace polysem
