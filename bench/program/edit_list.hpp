#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "polysem/core_file.hpp"

namespace polysem::program {

/// Edits as a user writes them: 77=+8 adds, 77=-8 takes off, 77=8 sets, 77=*2 scales, 77<=8 caps, 77>=8
/// floors, 77=0 ablates. Latents are those of the original coder and become those of `coder`. Throws
/// UsageError with the edit; Error{kInvalidArgument} for a latent that the coder does not have.
std::vector<polysem_edit> parse_edits(const std::vector<std::string>& words, const CoreModel& coder);

/// "add 8", "set to 8", "ablate", ...
std::string describe(const polysem_edit& edit);
/// "set", "scale", "add", "cap", "floor", "ablate".
std::string_view name(polysem_edit_kind kind) noexcept;

}  // namespace polysem::program
