#pragma once

#include <string>
#include <string_view>

namespace polysem {

/// Valid UTF-8 from any bytes: what is not part of a well-formed sequence (Unicode 15, table 3-7) becomes
/// "<0xE2>", as tokenisers name such bytes; everything else stays.
std::string visible_bytes(std::string_view bytes);

}  // namespace polysem
