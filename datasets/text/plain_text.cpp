#include "datasets/text/plain_text.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace polysem {
namespace {

constexpr std::size_t kLargestDocument = 1 << 20;
constexpr std::size_t kPiece = std::size_t{64} << 10;

/// Where to end a piece: after the last line that fits, else before a character that does not.
std::size_t cut(const std::string& text) {
  if (text.size() <= kPiece) return text.size();
  const std::size_t line = text.rfind('\n', kPiece - 1);
  if (line != std::string::npos && line >= kPiece / 2) return line + 1;
  std::size_t end = kPiece;
  while (end > kPiece - 4 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return end;
}

}  // namespace

PlainText::PlainText(std::istream& in, TextDocument from) : stream_(in, from.source), from_(std::move(from)) {
  stream_.read(pending_);
}

bool PlainText::is_binary() const noexcept { return pending_.find('\0') != std::string::npos; }

TextDocument PlainText::piece() {
  const std::size_t end = cut(pending_);
  TextDocument document = from_;
  document.name += "#" + std::to_string(++pieces_);
  document.text = pending_.substr(0, end);
  pending_.erase(0, end);
  return document;
}

std::optional<TextDocument> PlainText::next() {
  const std::size_t wanted = pieces_ > 0 ? kPiece : kLargestDocument;
  while (pending_.size() <= wanted && stream_.read(pending_)) {
  }
  if (pieces_ == 0 && pending_.size() <= kLargestDocument) {
    if (std::exchange(started_, true)) return std::nullopt;
    TextDocument document = from_;
    document.text = std::exchange(pending_, {});
    return document;
  }
  if (pending_.empty()) return std::nullopt;
  return piece();
}

}  // namespace polysem
