#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace polysem {

/// Rows of activations to train or evaluate on, by number.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual std::int64_t rows() const = 0;
  virtual std::int64_t dim() const = 0;
  /// Bytes that the rows take where they are kept.
  virtual std::uint64_t bytes() const = 0;
  /// Tells this data from other data: a run is resumed on the data it began with.
  virtual std::string identity() const = 0;
  /// Writes the rows `ids`, one after the other, as f32 to `out` [ids.size(), dim]. Safe from several
  /// threads.
  virtual void read(std::span<const std::int64_t> ids, std::span<float> out) const = 0;
};

}  // namespace polysem
