#include "backends/reference/codes.hpp"

#include <string>

#include "polysem/error.hpp"

namespace polysem::reference {

namespace {

[[noreturn]] void refuse(std::string_view op, const std::string& what, std::int64_t place) {
  throw Error(ErrorCode::kInvalidArgument, std::string(op) + ": " + what + " at " + std::to_string(place));
}

}  // namespace

void Codes::check(std::string_view op, std::int64_t rows, std::int64_t latents, std::int64_t capacity) const {
  if (k_ == 0 && row_offsets_[0] != 0) refuse(op, "row_offsets does not start with 0", 0);
  for (std::int64_t r = 0; r < rows; ++r) {
    if (end(r) < begin(r) || end(r) > capacity) refuse(op, "row_offsets descends or passes capacity", r + 1);
    for (std::int64_t e = begin(r); e < end(r); ++e) {
      if (latent(e) < 0 || latent(e) >= latents) refuse(op, "ids has a latent that there is not", e);
      if (e > begin(r) && latent(e) <= latent(e - 1)) refuse(op, "ids does not ascend inside its row", e);
    }
  }
}

}  // namespace polysem::reference
