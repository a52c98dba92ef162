#include "backends/reference/latent_sums.hpp"

#include <string>

#include "polysem/error.hpp"

namespace polysem::reference {

void SortedCodes::check(std::int64_t latents, std::int64_t rows, std::int64_t capacity) const {
  const auto refuse = [](const std::string& what, std::int64_t place) {
    throw Error(ErrorCode::kInvalidArgument, "sorted codes: " + what + " at " + std::to_string(place));
  };
  if (begin[0] != 0) refuse("begin does not start with 0", 0);
  for (std::int64_t j = 0; j < latents; ++j)
    if (begin[j + 1] < begin[j] || begin[j + 1] > capacity)
      refuse("begin descends or passes capacity", j + 1);
  for (std::int64_t i = 0; i < begin[latents]; ++i) {
    if (entries[i] < 0 || entries[i] >= capacity) refuse("entries points outside", i);
    if (entry_rows[i] < 0 || entry_rows[i] >= rows) refuse("entry_rows points outside", i);
  }
}

void LatentSums::add(const SortedCodes& codes, std::int64_t latent, const Floats& x, double decoder_scale) {
  for (std::int64_t i = codes.begin[latent]; i < codes.begin[latent + 1]; ++i) {
    const std::int64_t entry = codes.entries[i], row = codes.entry_rows[i];
    const double value = codes.values[entry], gradient = codes.gradient[entry];
    for (std::size_t c = 0; c < dec.size(); ++c)
      dec[c] += decoder_scale * value * codes.error(row, static_cast<std::int64_t>(c));
    for (std::size_t c = 0; c < enc.size(); ++c) enc[c] += gradient * x(row, static_cast<std::int64_t>(c));
    b += gradient;
  }
}

}  // namespace polysem::reference
