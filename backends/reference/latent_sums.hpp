#pragma once

#include <cstdint>
#include <vector>

#include "backends/reference/views.hpp"

namespace polysem::reference {

/// Codes sorted by latent (as TransposeCodes writes them) with what a gradient needs of them.
struct SortedCodes {
  Integers<std::int32_t> begin, entries, entry_rows;
  Floats values, gradient, error;

  /// Throws Error{kInvalidArgument} where an index points outside.
  void check(std::int64_t latents, std::int64_t rows, std::int64_t capacity) const;
};

/// Gradients of one latent's parameters: formulas at LatentGrad.
struct LatentSums {
  std::vector<double> enc, dec;
  double b = 0;

  LatentSums(std::int64_t d_in, std::int64_t d_out)
      : enc(static_cast<std::size_t>(d_in)), dec(static_cast<std::size_t>(d_out)) {}
  /// Adds the entries of a latent in ascending order.
  void add(const SortedCodes& codes, std::int64_t latent, const Floats& x, double decoder_scale);
};

}  // namespace polysem::reference
