#include "bench/figures/figure.hpp"

#include <algorithm>

#include "bench/figures/panel.hpp"

namespace polysem::figures {

namespace {

constexpr double kBorder = 8, kGap = 14, kTitleHeight = 26;

/// Where panels stand: inner areas share columns and rows, each as wide and high as its panels need.
struct Grid {
  int columns = 1;
  std::vector<double> x, y;  ///< corner of the inner area of each column and row
  double width = 0, height = 0;
};

Grid lay_out(const Figure& figure, const std::vector<PanelDrawing>& drawings, double top) {
  Grid grid;
  const int count = static_cast<int>(drawings.size());
  grid.columns = std::max(1, figure.columns > 0 ? std::min(figure.columns, count) : std::min(count, 3));
  const int rows = (count + grid.columns - 1) / grid.columns;
  std::vector<Margins> columns(static_cast<std::size_t>(grid.columns)), lines(static_cast<std::size_t>(rows));
  for (int i = 0; i < count; ++i) {
    const Margins one = drawings[static_cast<std::size_t>(i)].margins();
    Margins& column = columns[static_cast<std::size_t>(i % grid.columns)];
    Margins& line = lines[static_cast<std::size_t>(i / grid.columns)];
    column.left = std::max(column.left, one.left), column.right = std::max(column.right, one.right);
    line.top = std::max(line.top, one.top), line.bottom = std::max(line.bottom, one.bottom);
  }
  double x = kBorder, y = top;
  for (const Margins& m : columns) {
    grid.x.push_back(x + m.left);
    x += m.left + figure.panel_width + m.right + kGap;
  }
  for (const Margins& m : lines) {
    grid.y.push_back(y + m.top);
    y += m.top + figure.panel_height + m.bottom + kGap;
  }
  grid.width = x - kGap + kBorder;
  grid.height = lines.empty() ? y : y - kGap;
  return grid;
}

std::string opening(const Figure& figure, double width, double height, const std::string& id) {
  const std::string w = coordinate(width), h = coordinate(height);
  std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + w + "\" height=\"" + h +
                     "\" viewBox=\"0 0 " + w + " " + h +
                     "\" font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\" role=\"img\"";
  text += " aria-labelledby=\"" + id + "title\">\n<title id=\"" + id + "title\">" +
          escaped(figure.title.empty() ? figure.description : figure.title) + "</title>\n";
  if (!figure.description.empty()) text += "<desc>" + escaped(figure.description) + "</desc>\n";
  return text + "<rect width=\"" + w + "\" height=\"" + h + "\" fill=\"#ffffff\"/>\n";
}

}  // namespace

std::string to_svg(const Figure& figure, const std::string& id_prefix) {
  const Legend legend(figure);
  std::vector<PanelDrawing> drawings;
  for (const Panel& panel : figure.panels)
    drawings.emplace_back(panel, figure.panel_width, figure.panel_height);
  const double top = kBorder + (figure.title.empty() ? 0 : kTitleHeight);
  const Grid grid = lay_out(figure, drawings, top);
  const double legend_width = grid.width - 2 * kBorder;
  const double bottom = grid.height + (legend.empty() ? 0 : 8);
  const double height = bottom + legend.height(legend_width) + kBorder;

  SvgText svg;
  svg.raw(opening(figure, grid.width, height, id_prefix));
  if (!figure.title.empty())
    svg.text(grid.width / 2, kBorder + 15, figure.title, Anchor::kMiddle, 14, " font-weight=\"bold\"");
  for (std::size_t i = 0; i < drawings.size(); ++i) {
    const auto columns = static_cast<std::size_t>(grid.columns);
    drawings[i].draw(svg, legend, grid.x[i % columns], grid.y[i / columns], id_prefix + std::to_string(i));
  }
  if (!legend.empty()) legend.draw(svg, kBorder, bottom, legend_width);
  svg.raw("</svg>\n");
  return svg.take();
}

}  // namespace polysem::figures
