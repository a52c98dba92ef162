#include "datasets/text/utf8_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "polysem/error.hpp"

namespace polysem {
namespace {

constexpr std::size_t kBlock = std::size_t{64} << 10;
constexpr std::uint32_t kReplacement = 0xFFFD;

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

bool is_high_surrogate(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

void Utf8Stream::detect_encoding() {
  using namespace std::string_view_literals;
  if (raw_.starts_with("\xEF\xBB\xBF"sv)) {
    encoding_ = Encoding::kBytes;
    raw_.erase(0, 3);
  } else if (raw_.starts_with("\xFF\xFE"sv)) {
    encoding_ = Encoding::kUtf16Little;
    raw_.erase(0, 2);
  } else if (raw_.starts_with("\xFE\xFF"sv)) {
    encoding_ = Encoding::kUtf16Big;
    raw_.erase(0, 2);
  } else {
    encoding_ = Encoding::kBytes;
  }
}

void Utf8Stream::convert_utf16(std::string& out, bool at_end) {
  const auto unit = [&](std::size_t i) {
    const std::uint32_t first = static_cast<unsigned char>(raw_[i]);
    const std::uint32_t second = static_cast<unsigned char>(raw_[i + 1]);
    return encoding_ == Encoding::kUtf16Big ? first << 8 | second : second << 8 | first;
  };
  std::size_t i = 0;
  while (i + 2 <= raw_.size()) {
    std::uint32_t code = unit(i);
    if (is_high_surrogate(code)) {
      if (i + 4 > raw_.size() && !at_end) break;  // its other half is in the next block
      if (i + 4 <= raw_.size() && is_low_surrogate(unit(i + 2))) {
        code = 0x10000 + ((code - 0xD800) << 10) + (unit(i + 2) - 0xDC00);
        i += 2;
      } else {
        code = kReplacement;
      }
    } else if (is_low_surrogate(code)) {
      code = kReplacement;
    }
    append_utf8(out, code);
    i += 2;
  }
  raw_.erase(0, i);
  if (at_end && !raw_.empty()) {
    append_utf8(out, kReplacement);
    raw_.clear();
  }
}

bool Utf8Stream::read(std::string& out) {
  const std::size_t before = out.size();
  while (out.size() == before) {
    const std::size_t kept = raw_.size();
    raw_.resize(kept + kBlock);
    in_.read(raw_.data() + kept, static_cast<std::streamsize>(kBlock));
    raw_.resize(kept + static_cast<std::size_t>(in_.gcount()));
    if (in_.bad()) throw Error(ErrorCode::kFailed, source_ + ": reading failed");
    const bool at_end = in_.eof();
    if (encoding_ == Encoding::kUnknown) detect_encoding();
    if (encoding_ == Encoding::kBytes) {
      out += raw_;
      raw_.clear();
    } else {
      convert_utf16(out, at_end);
    }
    if (at_end) break;
  }
  return out.size() > before;
}

}  // namespace polysem
