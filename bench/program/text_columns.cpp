#include "bench/program/text_columns.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "bench/report/visible_bytes.hpp"

namespace polysem::program {

namespace {

constexpr std::size_t kFewest = 20, kMost = 400, kLeastColumn = 28;

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Lines of at most `width` characters, broken at blanks where there are some.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (true) {
    const auto newline = text.find('\n');
    std::string_view paragraph = text.substr(0, newline);
    while (width_of(paragraph) > width) {
      const std::string_view whole = left_part(paragraph, width);
      auto cut = paragraph.substr(0, whole.size() + 1).rfind(' ');
      if (cut == std::string_view::npos || cut == 0) cut = whole.size();
      lines.emplace_back(paragraph.substr(0, cut));
      paragraph.remove_prefix(std::min(paragraph.size(), cut + (paragraph[cut] == ' ' ? 1 : 0)));
    }
    lines.emplace_back(paragraph);
    if (newline == std::string_view::npos) return lines;
    text.remove_prefix(newline + 1);
  }
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, width_of(text)), ' ');
}

std::string trimmed(std::string line) { return line.substr(0, line.find_last_not_of(' ') + 1); }

}  // namespace

std::size_t terminal_columns() {
  std::size_t columns = 80;
  winsize size{};
  if (const char* variable = std::getenv("COLUMNS"))
    columns = static_cast<std::size_t>(std::strtoul(variable, nullptr, 10));
  if (isatty(STDOUT_FILENO) != 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    columns = size.ws_col;
  return std::clamp(columns == 0 ? 80 : columns, kFewest, kMost);
}

bool shows_colour() { return isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr; }

std::string printable(std::string_view bytes) {
  std::string text = visible_bytes(bytes);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n') || c == 0x7F) text[i] = ' ';
    // U+0080 to U+009F are control characters as well.
    if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
      text.replace(i, 2, " ");
  }
  return text;
}

std::string one_line(std::string_view bytes) {
  std::string text = printable(bytes);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::size_t width_of(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

std::string_view left_part(std::string_view text, std::size_t width) {
  std::size_t end = 0;
  for (; end < text.size(); ++end)
    if (!continues(text[end]) && width-- == 0) break;
  return text.substr(0, end);
}

std::string_view right_part(std::string_view text, std::size_t width) {
  const std::size_t whole = width_of(text);
  return whole <= width ? text : text.substr(left_part(text, whole - width).size());
}

std::string side_by_side(const std::string& left_title, const std::string& left,
                         const std::string& right_title, const std::string& right, std::size_t columns) {
  const std::size_t width = (columns - 3) / 2;
  std::string out;
  if (width < kLeastColumn) {
    for (const auto& [title, text] : {std::pair(left_title, left), std::pair(right_title, right)}) {
      out += title + "\n" + std::string(columns, '-') + "\n";
      for (const std::string& line : wrapped(text, columns)) out += trimmed(line) + "\n";
    }
    return out;
  }
  auto lefts = wrapped(left, width), rights = wrapped(right, width);
  lefts.resize(std::max(lefts.size(), rights.size()));
  rights.resize(lefts.size());
  out += trimmed(padded(left_title, width) + " | " + right_title) + "\n";
  out += std::string(width + 1, '-') + "+" + std::string(width + 1, '-') + "\n";
  for (std::size_t i = 0; i < lefts.size(); ++i)
    out += trimmed(padded(lefts[i], width) + " | " + rights[i]) + "\n";
  return out;
}

}  // namespace polysem::program
