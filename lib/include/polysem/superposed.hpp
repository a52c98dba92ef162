#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace polysem {

/// What `superposed` data looks like. Defaults: eight times as many features as dimensions, eight of them on.
struct SuperposedConfig {
  std::int64_t features = 512;
  std::int64_t dim = 64;
  double active = 8.0;    ///< features that fire in a row, on average
  double zipf = 0.0;      ///< feature i fires in proportion to (i + 1)^-zipf; 0: all alike
  float smallest = 0.5F;  ///< magnitudes of firing features are uniform in [smallest, largest)
  float largest = 1.5F;
  float noise = 0.0F;  ///< standard deviation of the Gaussian noise in every dimension
  std::uint64_t seed = 0;
};

/// True codes of consecutive rows, CSR: row r has the entries [row_offsets[r], row_offsets[r + 1]), its
/// latents ascending.
struct TrueCodes {
  std::vector<std::int64_t> row_offsets = {0};
  std::vector<std::int32_t> latents;
  std::vector<float> values;
};

/// Features in superposition (Elhage et al. 2022, "Toy Models of Superposition"; the generator follows
/// Sharkey, Braun, Millidge 2022, without correlations): a row is the sum of the directions of the features
/// that fire in it, each independently of the others, times their magnitudes, plus noise. Directions are
/// uniform on the sphere. A pure function of configuration and row number: any chunking gives the same rows.
class Superposed {
 public:
  /// Throws Error (kInvalidArgument) for a configuration that makes no sense, for instance probabilities
  /// above 1.
  explicit Superposed(const SuperposedConfig& config);

  const SuperposedConfig& config() const noexcept { return config_; }
  /// Unit rows [features, dim].
  std::span<const float> dictionary() const noexcept { return dictionary_; }
  /// How often each feature fires [features].
  std::span<const double> probabilities() const noexcept { return probabilities_; }

  /// Row number `row`: writes x [dim] and appends one row to `codes`.
  void row(std::int64_t row, std::span<float> x, TrueCodes& codes) const;

 private:
  void append_codes(std::int64_t row, TrueCodes& codes) const;

  SuperposedConfig config_;
  std::vector<float> dictionary_;
  std::vector<double> probabilities_;
  std::vector<std::uint64_t> thresholds_;  ///< probabilities in units of 2^-32
};

/// Writes rows [0, rows) as an activation store, with the truth beside it in truth.safetensors: `dictionary`
/// [features, dim], `probabilities` [features], and the codes as `codes.row_offsets` (i64 [rows + 1]),
/// `codes.latents` (i32) and `codes.values` (f32). Throws Error as Superposed and StoreWriter do.
void write_superposed(const SuperposedConfig& config, std::int64_t rows, const std::filesystem::path& folder);

}  // namespace polysem
