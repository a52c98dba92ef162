#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/figures/figure.hpp"
#include "bench/figures/svg_text.hpp"

namespace polysem::figures {

/// How a series looks.
struct Look {
  std::string colour;
  int marker = 0;  ///< shape
  Series::Kind kind = Series::Kind::kLine;
  bool dashed = false;
  double size = 1;
};

/// Gives every series its look, series of one name the same, and draws the legend of the whole figure.
class Legend {
 public:
  explicit Legend(const Figure& figure);
  const Look& look(const Series& series) const;

  bool empty() const noexcept { return entries_.empty(); }
  /// Pixels that it needs at this width.
  double height(double width) const;
  void draw(SvgText& svg, double left, double top, double width) const;

 private:
  struct Entry {
    std::string name;
    Look look;
    std::string swatch;  ///< a filled square of this colour, or "cross", instead of the look
  };
  void add_swatch(const std::string& name, const std::string& swatch);
  /// Entry numbers of each line.
  std::vector<std::vector<std::size_t>> lines(double width) const;

  std::map<const Series*, Look> looks_;
  std::vector<Entry> entries_;
};

inline constexpr std::string_view kDivergedColour = "#b00020";

void draw_marker(SvgText& svg, double x, double y, const Look& look, double opacity = 1);
/// The cross that stands for "diverged".
void draw_cross(SvgText& svg, double x, double y);

/// Colour of class `number` of `count` in a heat map of classes.
std::string class_colour(std::size_t number);

}  // namespace polysem::figures
