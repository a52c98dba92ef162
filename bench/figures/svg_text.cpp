#include "bench/figures/svg_text.hpp"

#include <charconv>
#include <cmath>

namespace polysem::figures {

namespace {

constexpr std::string_view kInk = "#222222";

std::string quoted(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + std::string(value) + "\"";
}
std::string quoted(std::string_view name, double value) { return quoted(name, coordinate(value)); }

}  // namespace

std::string coordinate(double value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, 2).ptr;
  std::string text(buffer, end);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string label_number(double value, int digits) {
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, digits).ptr;
  std::string text(buffer, end);
  if (const auto e = text.find("e+"); e != std::string::npos) text.erase(e + 1, 1);
  if (const auto e = text.find("e0"); e != std::string::npos) text.erase(e + 1, 1);
  if (const auto e = text.find("e-0"); e != std::string::npos) text.erase(e + 2, 1);
  return text == "-0" ? "0" : text;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return result;
}

double text_width(std::string_view text, double size) {
  double ems = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;  // the rest of a character of several bytes
    if (std::string_view("ijl.,:;'|!I").find(c) != std::string_view::npos)
      ems += 0.26;
    else if (std::string_view("ftr()[]- ").find(c) != std::string_view::npos)
      ems += 0.32;
    else if (std::string_view("mwMW@%").find(c) != std::string_view::npos)
      ems += 0.86;
    else if (c >= 'A' && c <= 'Z')
      ems += 0.69;
    else
      ems += 0.556;
  }
  return 1.12 * ems * size;
}

void SvgText::line(double x1, double y1, double x2, double y2, std::string_view colour, double width,
                   std::string_view more) {
  out_ += "<line" + quoted("x1", x1) + quoted("y1", y1) + quoted("x2", x2) + quoted("y2", y2) +
          quoted("stroke", colour) + quoted("stroke-width", width) + std::string(more) + "/>\n";
}

void SvgText::rectangle(double x, double y, double width, double height, std::string_view fill,
                        std::string_view more) {
  out_ += "<rect" + quoted("x", x) + quoted("y", y) + quoted("width", width) + quoted("height", height) +
          quoted("fill", fill) + std::string(more) + "/>\n";
}

void SvgText::path(std::string_view d, std::string_view attributes) {
  out_ += "<path d=\"" + std::string(d) + "\"" + std::string(attributes) + "/>\n";
}

void SvgText::text(double x, double y, std::string_view words, Anchor anchor, double size,
                   std::string_view more) {
  constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  out_ += "<text" + quoted("x", x) + quoted("y", y) + quoted("font-size", size) + quoted("fill", kInk);
  if (anchor != Anchor::kStart) out_ += quoted("text-anchor", kAnchors[static_cast<int>(anchor)]);
  out_ += std::string(more) + ">";
  if (words.starts_with("10^"))
    out_ += "10<tspan dy=\"" + coordinate(-0.4 * size) + "\" font-size=\"" + coordinate(0.72 * size) + "\">" +
            escaped(words.substr(3)) + "</tspan>";
  else
    out_ += escaped(words);
  out_ += "</text>\n";
}

}  // namespace polysem::figures
