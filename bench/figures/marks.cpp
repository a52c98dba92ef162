// How a panel draws its series.
#include <algorithm>
#include <cmath>

#include "bench/figures/panel.hpp"

namespace polysem::figures {

namespace {

constexpr double kBarsShare = 0.8;  // of the place of a category

std::string opacity_of(const Series& series, std::string_view what) {
  return series.opacity < 1 ? " " + std::string(what) + "-opacity=\"" + coordinate(series.opacity) + "\""
                            : "";
}

double error_at(const Series& series, std::size_t i) {
  return i < series.error.size() && std::isfinite(series.error[i]) ? series.error[i] : 0;
}

}  // namespace

bool PanelDrawing::drawable(const Series& series, std::size_t i) const {
  return i < series.x.size() && x_scale_.shows(series.x[i]) && std::isfinite(series.y[i]) &&
         !(panel_.y.log && series.y[i] <= 0);
}

void PanelDrawing::draw_series(SvgText& svg, const Series& series, const Look& look) const {
  switch (series.kind) {
    case Series::Kind::kBars:
      draw_bars(svg, series, look);
      break;
    case Series::Kind::kBand:
      draw_band(svg, series, look);
      break;
    case Series::Kind::kLine:
      draw_line(svg, series, look);
      break;
    case Series::Kind::kPoints:
      draw_errors(svg, series, look);
      draw_points(svg, series, look);
      break;
    case Series::Kind::kLineAndPoints:
      draw_line(svg, series, look);
      draw_errors(svg, series, look);
      draw_points(svg, series, look);
  }
  for (std::size_t i = 0; i < series.y.size(); ++i)
    if (!std::isfinite(series.y[i]) && i < series.x.size() && x_scale_.shows(series.x[i]))
      draw_cross(svg, x_scale_.pixel(series.x[i]), y_ + 5);
}

void PanelDrawing::draw_bars(SvgText& svg, const Series& series, const Look& look) const {
  double groups = 0, number = 0;
  for (const Series& other : panel_.series) {
    if (other.kind != Series::Kind::kBars) continue;
    if (&other == &series) number = groups;
    ++groups;
  }
  const double width = (x_scale_.pixel(1) - x_scale_.pixel(0)) * kBarsShare / groups;
  const double shift = (number - (groups - 1) / 2) * width;
  const double zero = y_scale_.pixel(panel_.y.log ? y_scale_.lowest() : 0);
  for (std::size_t i = 0; i < series.y.size(); ++i) {
    if (!drawable(series, i)) continue;
    const double x = x_scale_.pixel(series.x[i]) + shift, y = y_scale_.pixel(series.y[i]);
    svg.rectangle(x - width / 2 + 0.5, std::min(y, zero), std::max(0.5, width - 1), std::abs(y - zero),
                  look.colour, opacity_of(series, "fill"));
    if (const double error = error_at(series, i); error > 0)
      svg.line(x, y_scale_.pixel(series.y[i] - error), x, y_scale_.pixel(series.y[i] + error), "#222222",
               1.2);
  }
}

void PanelDrawing::draw_line(SvgText& svg, const Series& series, const Look& look) const {
  std::string d;
  bool pen_down = false;
  for (std::size_t i = 0; i < series.y.size(); ++i) {
    if (!drawable(series, i)) {
      pen_down = false;
      continue;
    }
    d += (pen_down ? "L" : "M") + coordinate(x_scale_.pixel(series.x[i])) + " " +
         coordinate(y_scale_.pixel(series.y[i]));
    pen_down = true;
  }
  if (d.empty()) return;
  svg.path(d, " fill=\"none\" stroke=\"" + look.colour + "\" stroke-width=\"" + coordinate(1.6 * look.size) +
                  "\" stroke-linejoin=\"round\"" + (look.dashed ? " stroke-dasharray=\"5 3\"" : "") +
                  opacity_of(series, "stroke"));
}

void PanelDrawing::draw_band(SvgText& svg, const Series& series, const Look& look) const {
  std::string upper, lower;
  for (std::size_t i = 0; i < series.y.size(); ++i) {
    if (!drawable(series, i)) continue;
    const std::string x = coordinate(x_scale_.pixel(series.x[i])) + " ";
    const double error = error_at(series, i);
    upper += (upper.empty() ? "M" : "L") + x + coordinate(y_scale_.pixel(series.y[i] + error));
    lower = "L" + x + coordinate(y_scale_.pixel(series.y[i] - error)) + lower;
  }
  if (!upper.empty()) svg.path(upper + lower + "Z", " fill=\"" + look.colour + "\" fill-opacity=\"0.2\"");
}

void PanelDrawing::draw_points(SvgText& svg, const Series& series, const Look& look) const {
  for (std::size_t i = 0; i < series.y.size(); ++i)
    if (drawable(series, i) && y_scale_.shows(series.y[i]))
      draw_marker(svg, x_scale_.pixel(series.x[i]), y_scale_.pixel(series.y[i]), look, series.opacity);
}

void PanelDrawing::draw_errors(SvgText& svg, const Series& series, const Look& look) const {
  for (std::size_t i = 0; i < series.error.size(); ++i) {
    const double error = error_at(series, i);
    if (error <= 0 || i >= series.y.size() || !drawable(series, i)) continue;
    const double x = x_scale_.pixel(series.x[i]);
    const double low = y_scale_.pixel(series.y[i] - error), high = y_scale_.pixel(series.y[i] + error);
    svg.line(x, low, x, high, look.colour, 1.1);
    svg.line(x - 3, high, x + 3, high, look.colour, 1.1);
    svg.line(x - 3, low, x + 3, low, look.colour, 1.1);
  }
}

}  // namespace polysem::figures
