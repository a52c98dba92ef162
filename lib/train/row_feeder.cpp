#include "lib/train/row_feeder.hpp"

#include <cmath>
#include <numeric>

#include "polysem/error.hpp"

namespace polysem {

RowFeeder::RowFeeder(const RowSource& source, std::uint64_t seed, std::int64_t batch)
    : source_(&source), order_(source.rows(), source.bytes(), seed), batch_(batch) {}

const std::vector<float>& RowFeeder::batch(std::int64_t number) {
  std::future<std::vector<float>> ready;
  if (next_number_ == number) ready = std::move(next_);
  current_ = ready.valid() ? ready.get() : read(number * batch_, batch_, scale_);
  next_number_ = number + 1;
  // Where no more threads are to be had, the next call reads it.
  next_ = std::async(
      std::launch::async | std::launch::deferred,
      [this, first = next_number_ * batch_, scale = scale_] { return read(first, batch_, scale); });
  return current_;
}

std::vector<float> RowFeeder::first_rows(std::int64_t count) const { return read(0, count, 1.0f); }

std::vector<float> RowFeeder::read(std::int64_t first_sample, std::int64_t count, float scale) const {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = order_.row(first_sample + static_cast<std::int64_t>(i));
  const auto dim = static_cast<std::size_t>(source_->dim());
  std::vector<float> rows(ids.size() * dim);
  source_->read(ids, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] *= scale;
    if (!std::isfinite(rows[i]))
      throw Error(ErrorCode::kBadInput,
                  "row " + std::to_string(ids[i / dim]) + ", dimension " + std::to_string(i % dim) +
                      " of the training data is not finite; polysem data verify tells more");
  }
  return rows;
}

}  // namespace polysem
