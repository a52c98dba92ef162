#pragma once

#include <cstdint>
#include <string>

namespace polysem::bench {

/// What the command line asks for, beside Google Benchmark's own flags.
struct Settings {
  std::string backend;  ///< "" for the default
  int threads = 0;      ///< 0 for all
  /// One more size of a sparse coder (--d --n --batch --k); 0 for none.
  std::int64_t d = 0, n = 0, batch = 0, k = 0;
};

const Settings& settings();

/// Sizes of a sparse coder that are always measured, and the one of the command line.
struct CoderSize {
  std::int64_t d, n, batch, k;
  bool operator==(const CoderSize&) const = default;
};

}  // namespace polysem::bench
