#include "bench/report/visible_bytes.hpp"

#include <cstddef>

namespace polysem {
namespace {

unsigned byte_at(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

bool continues(std::string_view bytes, std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
  return i < bytes.size() && byte_at(bytes, i) >= low && byte_at(bytes, i) <= high;
}

/// Length of the well-formed sequence at i, or 0. The second byte's range shuts out overlong forms,
/// surrogates and code points above U+10FFFF.
std::size_t sequence_length(std::string_view bytes, std::size_t i) {
  const unsigned lead = byte_at(bytes, i);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(bytes, i + 1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80, high = lead == 0xED ? 0x9F : 0xBF;
    return continues(bytes, i + 1, low, high) && continues(bytes, i + 2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(bytes, i + 1, low, high) && continues(bytes, i + 2) && continues(bytes, i + 3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string visible_bytes(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = sequence_length(bytes, i);
    if (length > 0) {
      text.append(bytes.substr(i, length));
      i += length;
    } else {
      text.append("<0x").append({kDigits[byte_at(bytes, i) >> 4], kDigits[byte_at(bytes, i) & 15], '>'});
      ++i;
    }
  }
  return text;
}

}  // namespace polysem
