#pragma once

#include <string>
#include <string_view>

namespace polysem::figures {

enum class Anchor { kStart, kMiddle, kEnd };

inline constexpr double kFontSize = 11;

/// At most three decimals, no trailing zeros, never "-0": coordinates.
std::string coordinate(double value);
/// A number of an axis, at most `digits` significant digits: "0.05", "1200", "3e-7".
std::string label_number(double value, int digits = 6);
std::string escaped(std::string_view text);
/// Width of a text in pixels, about: Helvetica with room for the wider fonts that may take its place.
double text_width(std::string_view text, double size = kFontSize);

/// Grows the text of an SVG. Colours and widths are attributes: converters know no style sheets.
class SvgText {
 public:
  void line(double x1, double y1, double x2, double y2, std::string_view colour, double width = 1,
            std::string_view more = "");
  void rectangle(double x, double y, double width, double height, std::string_view fill,
                 std::string_view more = "");
  void path(std::string_view d, std::string_view attributes);
  /// "10^-3" gets a raised exponent.
  void text(double x, double y, std::string_view words, Anchor anchor = Anchor::kStart,
            double size = kFontSize, std::string_view more = "");
  void raw(std::string_view words) { out_ += words; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace polysem::figures
