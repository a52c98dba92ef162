#include "bench/figures/panel.hpp"

#include <algorithm>
#include <cmath>

#include "bench/figures/palette.hpp"

namespace polysem::figures {

namespace {

constexpr std::string_view kAxisColour = "#444444", kGridColour = "#e4e4e4";
constexpr double kColourBarWidth = 11;

std::vector<double> values_of_x(const Panel& panel) {
  std::vector<double> values;
  for (const Series& s : panel.series) {
    values.insert(values.end(), s.x.begin(), s.x.end());
    if (s.kind == Series::Kind::kBars)  // bars are as wide as the place of a category
      for (const double x : s.x) values.push_back(x - 0.5), values.push_back(x + 0.5);
  }
  return values;
}

std::vector<double> values_of_y(const Panel& panel) {
  std::vector<double> values;
  for (const Series& s : panel.series) {
    for (std::size_t i = 0; i < s.y.size(); ++i) {
      const double error = i < s.error.size() && std::isfinite(s.error[i]) ? s.error[i] : 0;
      values.push_back(s.y[i] + error);
      if (!panel.y.log || s.y[i] > error) values.push_back(s.y[i] - error);
    }
    if (s.kind == Series::Kind::kBars) values.push_back(0);
  }
  return values;
}

Axis bar_axis(const HeatMap& map) {
  Axis axis;
  axis.lowest = map.lowest, axis.highest = map.highest;
  double low = INFINITY, high = -INFINITY;
  for (const double v : map.values)
    if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
  if (low > high) low = 0, high = 1;
  if (map.diverging) high = std::max({std::abs(low), std::abs(high), 1e-12}), low = -high;
  if (low == high) high = low + 1;
  if (!axis.lowest) axis.lowest = low;
  if (!axis.highest) axis.highest = high;
  return axis;
}

double widest_label(const Scale& scale) {
  double widest = 0;
  for (const auto& tick : scale.ticks())
    widest = std::max(widest, tick.second.starts_with("10^") ? 26.0 : text_width(tick.second));
  return widest;
}

}  // namespace

PanelDrawing::PanelDrawing(const Panel& panel, double width, double height)
    : panel_(panel),
      width_(width),
      height_(height),
      x_scale_(panel.x, values_of_x(panel)),
      y_scale_(panel.y, values_of_y(panel)),
      colours_(bar_axis(panel.heat_map), {}) {}

Margins PanelDrawing::margins() const {
  Margins m{4, 10, 8, 4};
  if (!panel_.title.empty()) m.top = 24;
  if (!framed()) return m;
  m.left = widest_label(y_scale_) + 10 + (panel_.y.label.empty() ? 0 : 19);
  m.bottom = 20 + (panel_.x.label.empty() ? 0 : 17);
  if (panel_.heat_map.rows > 0 && panel_.heat_map.classes.empty())
    m.right = 10 + kColourBarWidth + 8 + widest_label(colours_) + (panel_.heat_map.label.empty() ? 6 : 22);
  return m;
}

void PanelDrawing::draw(SvgText& svg, const Legend& legend, double x, double y, const std::string& id) {
  x_ = x, y_ = y;
  x_scale_.set_pixels(x, x + width_);
  y_scale_.set_pixels(y + height_, y);
  if (!panel_.title.empty())
    svg.text(x + width_ / 2, y - 9, panel_.title, Anchor::kMiddle, 12, " font-weight=\"bold\"");
  if (!framed()) {
    draw_arrows(svg);
    return;
  }
  if (panel_.heat_map.rows > 0) draw_heat_map(svg, id);
  draw_axes(svg);
  for (const Series& series : panel_.series) draw_series(svg, series, legend.look(series));
  for (const Note& note : panel_.notes)
    if (x_scale_.shows(note.x) && y_scale_.shows(note.y))
      svg.text(x_scale_.pixel(note.x), y_scale_.pixel(note.y), note.text);
}

void PanelDrawing::draw_axes(SvgText& svg) const {
  const double right = x_ + width_, bottom = y_ + height_;
  const bool grid = panel_.heat_map.rows == 0;
  for (const auto& [value, label] : y_scale_.ticks()) {
    const double y = y_scale_.pixel(value);
    if (grid) svg.line(x_, y, right, y, kGridColour);
    svg.line(x_ - 4, y, x_, y, kAxisColour);
    svg.text(x_ - 7, y + 3.8, label, label.starts_with("10^") ? Anchor::kEnd : Anchor::kEnd);
  }
  double free_from = -1e9;  // labels that would overlap the one before are left out
  for (const auto& [value, label] : x_scale_.ticks()) {
    const double x = x_scale_.pixel(value);
    if (grid && panel_.x.ticks.empty()) svg.line(x, y_, x, bottom, kGridColour);
    svg.line(x, bottom, x, bottom + 4, kAxisColour);
    const double half = (label.starts_with("10^") ? 26.0 : text_width(label)) / 2;
    if (x - half < free_from) continue;
    svg.text(x, bottom + 16, label, Anchor::kMiddle);
    free_from = x + half + 4;
  }
  svg.path("M" + coordinate(x_) + " " + coordinate(y_) + "V" + coordinate(bottom) + "H" + coordinate(right),
           " fill=\"none\" stroke=\"" + std::string(kAxisColour) + "\"");
  if (!panel_.x.label.empty()) svg.text(x_ + width_ / 2, bottom + 32, panel_.x.label, Anchor::kMiddle);
  if (!panel_.y.label.empty()) {
    const double x = x_ - widest_label(y_scale_) - 17, y = y_ + height_ / 2;
    svg.text(x, y, panel_.y.label, Anchor::kMiddle, kFontSize,
             " transform=\"rotate(-90 " + coordinate(x) + " " + coordinate(y) + ")\"");
  }
}

std::string PanelDrawing::cell_colour(double value) const {
  const HeatMap& map = panel_.heat_map;
  if (!map.classes.empty()) return class_colour(static_cast<std::size_t>(std::max(0.0, value)));
  const double share = (value - colours_.lowest()) / (colours_.highest() - colours_.lowest());
  return map.diverging ? diverging(2 * share - 1) : viridis(share);
}

void PanelDrawing::draw_heat_map(SvgText& svg, const std::string& id) const {
  const HeatMap& map = panel_.heat_map;
  const double w = width_ / static_cast<double>(map.cols), h = height_ / static_cast<double>(map.rows);
  const bool hatched =
      std::any_of(map.values.begin(), map.values.end(), [](double v) { return !std::isfinite(v); });
  if (hatched)
    svg.raw("<defs><pattern id=\"" + id +
            "hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
            "<rect width=\"6\" height=\"6\" fill=\"#ffffff\"/><path d=\"M0 6L6 0\" stroke=\"" +
            std::string(kDivergedColour) + "\"/></pattern></defs>\n");
  for (std::int64_t r = 0; r < map.rows; ++r) {
    for (std::int64_t c = 0; c < map.cols; ++c) {
      const double value = map.values[static_cast<std::size_t>(r * map.cols + c)];
      const std::string fill = std::isfinite(value) ? cell_colour(value) : "url(#" + id + "hatch)";
      // Half a pixel of overlap hides the seams that smoothing leaves.
      svg.rectangle(x_ + static_cast<double>(c) * w, y_ + height_ - static_cast<double>(r + 1) * h,
                    w + (c + 1 < map.cols ? 0.5 : 0), h + (r > 0 ? 0.5 : 0), fill);
    }
  }
  if (map.classes.empty()) draw_colour_bar(svg);
}

void PanelDrawing::draw_colour_bar(SvgText& svg) const {
  const HeatMap& map = panel_.heat_map;
  const double left = x_ + width_ + 10;
  constexpr int kSteps = 40;
  for (int i = 0; i < kSteps; ++i) {
    const double share = (i + 0.5) / kSteps;
    const double top = y_ + height_ * (1 - (i + 1.0) / kSteps);
    svg.rectangle(left, top, kColourBarWidth, height_ / kSteps + (i > 0 ? 0.5 : 0),
                  map.diverging ? diverging(2 * share - 1) : viridis(share));
  }
  Scale scale = colours_;
  scale.set_pixels(y_ + height_, y_);
  for (const auto& [value, label] : scale.ticks()) {
    const double y = scale.pixel(value);
    svg.line(left + kColourBarWidth, y, left + kColourBarWidth + 3, y, kAxisColour);
    svg.text(left + kColourBarWidth + 6, y + 3.8, label);
  }
  if (map.label.empty()) return;
  const double x = left + kColourBarWidth + 20 + widest_label(scale), y = y_ + height_ / 2;
  svg.text(x, y, map.label, Anchor::kMiddle, kFontSize,
           " transform=\"rotate(-90 " + coordinate(x) + " " + coordinate(y) + ")\"");
}

void PanelDrawing::draw_arrows(SvgText& svg) const {
  const Arrows& arrows = panel_.arrows;
  double longest = 0;
  for (const auto& tip : arrows.tips)
    if (const double length = std::hypot(tip[0], tip[1]); std::isfinite(length))
      longest = std::max(longest, length);
  const double radius = std::min(width_, height_) / 2 - 12;
  const double scale = radius / std::max(longest, 1.0);
  const double cx = x_ + width_ / 2, cy = y_ + height_ / 2;
  // The unit circle, for comparison.
  svg.raw("<circle cx=\"" + coordinate(cx) + "\" cy=\"" + coordinate(cy) + "\" r=\"" + coordinate(scale) +
          "\" fill=\"none\" stroke=\"#cccccc\" stroke-dasharray=\"3 3\"/>\n");
  for (std::size_t i = 0; i < arrows.tips.size(); ++i) {
    const auto& tip = arrows.tips[i];
    if (!std::isfinite(tip[0]) || !std::isfinite(tip[1])) continue;
    const double x = cx + scale * tip[0], y = cy - scale * tip[1];
    const std::string colour = i < arrows.shade.size() ? viridis(0.85 * arrows.shade[i]) : palette_colour(0);
    svg.line(cx, cy, x, y, colour, 1.6);
    svg.raw("<circle cx=\"" + coordinate(x) + "\" cy=\"" + coordinate(y) + "\" r=\"3.2\" fill=\"" + colour +
            "\"/>\n");
    const double length = std::hypot(tip[0], tip[1]);
    if (i < arrows.labels.size() && length > 0)
      svg.text(x + 9 * tip[0] / length, y - 9 * tip[1] / length + 3.5, arrows.labels[i], Anchor::kMiddle, 9);
  }
}

}  // namespace polysem::figures
