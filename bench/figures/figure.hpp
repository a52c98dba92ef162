#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Figures for papers and pages, as plain data: fill in a Figure, get the text of an SVG. The same figure
/// gives the same bytes on every machine. Colours are Okabe and Ito's, which the colour-blind can tell apart,
/// markers differ by shape as well, and everything is said in attributes that converters for LaTeX
/// understand.
namespace polysem::figures {

struct Axis {
  std::string label = {};  ///< with its unit, for instance "neurons m" or "time (steps)"
  bool log = false;        ///< values that are not positive are left out
  std::optional<double> lowest = {}, highest = {};  ///< else from the data
  std::vector<std::pair<double, std::string>> ticks =
      {};  ///< instead of round numbers: categories, fractions
};

struct Series {
  enum class Kind {
    kLine,
    kPoints,
    kLineAndPoints,
    kBars,  ///< from 0; several series of bars at the same x stand side by side
    kBand,  ///< the area within `error` of y
  };
  std::string name = {};  ///< for the legend; series of one name share an entry, "" has none
  Kind kind = Kind::kLineAndPoints;
  /// Where y is not finite, a cross at the upper edge stands for "diverged", and lines have a gap.
  std::vector<double> x = {}, y = {};
  std::vector<double> error = {};  ///< half the height of the error bar of each point, or empty
  int colour = -1;  ///< number in the palette; -1 takes the next one, the same for the same name
  bool dashed = false;
  double size = 1;     ///< scales markers and the width of lines
  double opacity = 1;  ///< for many points that overlap
};

/// Cells that fill the panel, evenly spaced between the ends of both axes (set lowest and highest of both).
struct HeatMap {
  std::int64_t rows = 0, cols = 0;  ///< 0 x 0: none
  std::vector<double> values = {};  ///< [rows, cols]; row 0 is the lowest. Not finite: hatched, "diverged"
  std::string label = {};           ///< of the colour bar
  std::optional<double> lowest = {}, highest = {};  ///< of the colours; else from the data
  bool diverging = false;                           ///< two colours round 0 instead of viridis
  std::vector<std::string> classes = {};  ///< values are numbers of these: a legend instead of the colour bar
};

/// Directions of features as arrows from 0, in a panel with equal scales and no frame.
struct Arrows {
  std::vector<std::array<double, 2>> tips = {};
  std::vector<std::string> labels = {};  ///< one each, or empty
  std::vector<double> shade = {};  ///< one in [0, 1] each, in viridis, or empty: all in the first colour
};

struct Note {
  double x = 0, y = 0;  ///< in data coordinates; the text starts there
  std::string text = {};
};

struct Panel {
  std::string title = {};
  Axis x = {}, y = {};
  std::vector<Series> series = {};
  HeatMap heat_map;
  Arrows arrows;
  std::vector<Note> notes = {};
};

struct Figure {
  std::string title = {};        ///< above the panels; "" for none
  std::string description = {};  ///< for those who cannot see it
  std::vector<Panel> panels = {};
  int columns = 0;                               ///< panels side by side; 0: up to three
  double panel_width = 300, panel_height = 210;  ///< of the area inside the axes, in pixels (96 an inch)
};

/// The figure as the text of an SVG file. Ids inside begin with `id_prefix`, for several on one page.
std::string to_svg(const Figure& figure, const std::string& id_prefix = "f");

}  // namespace polysem::figures
