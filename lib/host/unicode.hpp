#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace polysem {

/// What the pre-tokenisers tell apart.
enum class CharClass : std::uint8_t { kLetter, kNumber, kSpace, kOther };

/// General category L, N, or the property White_Space, as of Unicode 15.0.
CharClass char_class(std::uint32_t code_point) noexcept;

/// One character read from UTF-8.
struct DecodedChar {
  std::uint32_t code_point;
  std::uint8_t bytes;  ///< read: 1 to 4
  bool valid;          ///< false: one byte that begins no well-formed sequence, `code_point` is U+FFFD
};

/// Well-formed sequences only (Unicode standard, table 3-7): no overlong forms, surrogates, or values above
/// 10FFFF. `text` is not empty.
DecodedChar decode_utf8(std::string_view text) noexcept;

/// Bytes of a code point in UTF-8, at most 4; returns their number.
std::size_t encode_utf8(std::uint32_t code_point, char out[4]) noexcept;

}  // namespace polysem
