#include <algorithm>
#include <cmath>

#include "polysem/error.hpp"
#include "polysem/metrics_sparsity.hpp"

namespace polysem {

SparsityMetrics::SparsityMetrics(std::int64_t latents) {
  if (latents < 1) throw Error(ErrorCode::kInvalidArgument, "SparsityMetrics: there must be a latent");
  fired_.assign(static_cast<std::size_t>(latents), 0);
}

void SparsityMetrics::add(std::int64_t rows, std::span<const float> values,
                          std::span<const std::int32_t> ids) {
  if (values.size() != ids.size())
    throw Error(ErrorCode::kInvalidArgument, "SparsityMetrics: values and ids differ in number");
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto id = static_cast<std::size_t>(ids[i]);
    if (id >= fired_.size())
      throw Error(ErrorCode::kInvalidArgument, "SparsityMetrics: a latent id is out of range");
    if (values[i] == 0.0f) continue;
    ++fired_[id];
    l1_ += std::abs(double{values[i]});
  }
  rows_ += rows;
}

SparsityResult SparsityMetrics::result() const {
  const auto n = static_cast<double>(rows_);
  const auto latents = static_cast<double>(fired_.size());
  SparsityResult r;
  r.rows = rows_;
  double firings = 0;
  std::int64_t often = 0, very_often = 0;
  for (const std::int64_t count : fired_) {
    firings += static_cast<double>(count);
    if (count == 0) {
      ++r.dead;
      continue;
    }
    const double density = static_cast<double>(count) / n;
    often += density > 0.01;
    very_often += density > 0.1;
    const int bin =
        static_cast<int>(std::floor((std::log10(density) - DensityBins::kLowest) / DensityBins::kWidth));
    ++r.histogram.counts[static_cast<std::size_t>(std::clamp(bin, 0, DensityBins::kBins - 1))];
  }
  r.l0 = firings / n;
  r.l1 = l1_ / n;
  r.alive = static_cast<std::int64_t>(fired_.size()) - r.dead;
  r.dead_fraction = static_cast<double>(r.dead) / latents;
  r.above_1_percent = static_cast<double>(often) / latents;
  r.above_10_percent = static_cast<double>(very_often) / latents;
  return r;
}

}  // namespace polysem
