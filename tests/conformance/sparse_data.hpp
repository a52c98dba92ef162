#pragma once

#include <cstdint>
#include <string_view>

#include "tests/conformance/problem.hpp"

/// Sparse codes for the cases.
namespace polysem::conformance {

enum class Pattern {
  kRandom,     ///< ids at random, one value in five 0
  kHot,        ///< latent 0 (and with it a long list) in every row
  kDead,       ///< every value 0
  kSigned,     ///< values of both signs
  kEmptyRows,  ///< rows of random length, many of them empty, and capacity to spare (k = 0 only)
};
std::string_view name(Pattern pattern) noexcept;

struct CodesData {
  std::int64_t rows = 0, latents = 0, k = 0, capacity = 0;
  Values values, ids, row_offsets;  ///< row_offsets empty where k > 0

  std::int64_t begin(std::int64_t row) const;
  std::int64_t used() const { return begin(rows); }
};

/// k > 0 entries a row; or with k = 0 lengths that vary, `longest` at most.
CodesData make_codes(std::int64_t rows, std::int64_t latents, std::int64_t k, std::int64_t longest,
                     Pattern pattern, std::uint64_t seed);

/// Codes sorted by latent, by std::stable_sort; what comes after the last active entry is 0.
struct SortedData {
  Values begin, entries, entry_rows;
};
SortedData sort_codes(const CodesData& codes);

/// Length of the longest list of a latent.
std::int64_t longest_list(const Values& begin);

/// Sets values, ids and, where needed, row_offsets.
void set_codes(Problem& problem, const CodesData& codes);

}  // namespace polysem::conformance
