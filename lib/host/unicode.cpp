#include "lib/host/unicode.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace polysem {

namespace {

struct CodePointRange {
  std::uint32_t first, last;
};

#include "lib/host/unicode_tables.inc"

template <std::size_t N>
bool contains(const CodePointRange (&ranges)[N], std::uint32_t c) noexcept {
  const auto* next =
      std::upper_bound(std::begin(ranges), std::end(ranges), c,
                       [](std::uint32_t value, const CodePointRange& r) { return value < r.first; });
  return next != std::begin(ranges) && c <= std::prev(next)->last;
}

bool is_space(std::uint32_t c) noexcept {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

CharClass look_up(std::uint32_t c) noexcept {
  if (contains(kLetters, c)) return CharClass::kLetter;
  if (contains(kNumbers, c)) return CharClass::kNumber;
  return is_space(c) ? CharClass::kSpace : CharClass::kOther;
}

}  // namespace

CharClass char_class(std::uint32_t code_point) noexcept {
  static const std::array<CharClass, 128> ascii = [] {
    std::array<CharClass, 128> table{};
    for (std::uint32_t c = 0; c < 128; ++c) table[c] = look_up(c);
    return table;
  }();
  return code_point < 128 ? ascii[code_point] : look_up(code_point);
}

DecodedChar decode_utf8(std::string_view text) noexcept {
  constexpr DecodedChar kBad{0xfffd, 1, false};
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::uint8_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return kBad;
  std::uint32_t code = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return kBad;
    code = (code << 6) | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return kBad;
  return {code, length, true};
}

std::size_t encode_utf8(std::uint32_t c, char out[4]) noexcept {
  const auto tail = [&](unsigned shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    out[0] = static_cast<char>(c);
    return 1;
  }
  if (c < 0x800) {
    out[0] = static_cast<char>(0xc0 | (c >> 6)), out[1] = tail(0);
    return 2;
  }
  if (c < 0x10000) {
    out[0] = static_cast<char>(0xe0 | (c >> 12)), out[1] = tail(6), out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xf0 | (c >> 18)), out[1] = tail(12), out[2] = tail(6), out[3] = tail(0);
  return 4;
}

}  // namespace polysem
