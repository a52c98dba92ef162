#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace polysem::program {

/// Latents as a user lists them: numbers and ranges ("5", "10-20"), or files of such, one or several a line,
/// with '#' before a comment. Ascending, each once. `what` names the option. Throws UsageError for a word
/// that is neither, Error{kBadInput} with file and line for one in a file, and either for a number from
/// `latents` on.
std::vector<std::uint32_t> parse_latents(const std::vector<std::string>& words, std::int64_t latents,
                                         const std::string& what);

}  // namespace polysem::program
