#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace polysem {

/// Latents by log10 of their density: bin i holds those in [edge(i), edge(i + 1)); dead latents are in none.
struct DensityBins {
  static constexpr int kBins = 28;
  static constexpr double kLowest = -7.0, kWidth = 0.25;  ///< the last bin ends at density 1 and includes it
  static constexpr double edge(int bin) { return kLowest + kWidth * bin; }
  std::array<std::int64_t, kBins> counts{};
};

/// How often and how strongly latents fire. A latent fires where its value is not 0.
struct SparsityResult {
  std::int64_t rows = 0;
  double l0 = 0;                     ///< mean number of active latents a row
  double l1 = 0;                     ///< mean sum of |value| a row
  std::int64_t alive = 0, dead = 0;  ///< dead: never fired on these rows
  double dead_fraction = 0;
  double above_1_percent = 0, above_10_percent = 0;  ///< share of latents that fire on more than so many rows
  DensityBins histogram;
};

class SparsityMetrics {
 public:
  explicit SparsityMetrics(std::int64_t latents);
  /// Codes of `rows` rows, in any order of entries; ids lie in [0, latents).
  void add(std::int64_t rows, std::span<const float> values, std::span<const std::int32_t> ids);
  SparsityResult result() const;
  /// Firings of each latent.
  std::span<const std::int64_t> fired() const noexcept { return fired_; }
  std::int64_t rows() const noexcept { return rows_; }

 private:
  std::vector<std::int64_t> fired_;
  std::int64_t rows_ = 0;
  double l1_ = 0;
};

}  // namespace polysem
