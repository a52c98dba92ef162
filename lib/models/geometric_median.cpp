#include <algorithm>
#include <cmath>

#include "polysem/coder_init.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

double distance(const float* row, const std::vector<double>& centre) {
  double sum = 0;
  for (std::size_t d = 0; d < centre.size(); ++d) {
    const double difference = row[d] - centre[d];
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

}  // namespace

std::vector<float> geometric_median(std::span<const float> points, std::int64_t rows, std::int64_t dim) {
  if (rows < 1 || dim < 1 || static_cast<std::int64_t>(points.size()) != rows * dim)
    throw Error(ErrorCode::kInvalidArgument,
                "geometric_median: expected at least one row, rows x dim values");
  const auto width = static_cast<std::size_t>(dim);
  std::vector<double> centre(width, 0.0), next(width);
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* row = points.data() + r * dim;
    for (std::size_t d = 0; d < width; ++d) centre[d] += row[d] / static_cast<double>(rows);
  }
  for (int iteration = 0; iteration < 100; ++iteration) {
    std::fill(next.begin(), next.end(), 0.0);
    double weights = 0, distances = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* row = points.data() + r * dim;
      const double length = distance(row, centre);
      distances += length;
      const double weight = 1.0 / std::max(length, 1e-12);  // a centre on top of a point would divide by zero
      weights += weight;
      for (std::size_t d = 0; d < width; ++d) next[d] += weight * row[d];
    }
    double step = 0;
    for (std::size_t d = 0; d < width; ++d) {
      next[d] /= weights;
      step += (next[d] - centre[d]) * (next[d] - centre[d]);
    }
    centre.swap(next);
    if (std::sqrt(step) <= 1e-6 * distances / static_cast<double>(rows)) break;
  }
  return {centre.begin(), centre.end()};
}

}  // namespace polysem
