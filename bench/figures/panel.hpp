#pragma once

#include "bench/figures/legend.hpp"
#include "bench/figures/scale.hpp"

namespace polysem::figures {

/// Room round the area inside the axes.
struct Margins {
  double left = 0, right = 0, top = 0, bottom = 0;
};

/// One panel: measures what it needs, then draws itself with the corner of its inner area at (x, y).
class PanelDrawing {
 public:
  PanelDrawing(const Panel& panel, double width, double height);
  Margins margins() const;
  void draw(SvgText& svg, const Legend& legend, double x, double y, const std::string& id);

 private:
  bool framed() const { return panel_.arrows.tips.empty(); }
  void draw_axes(SvgText& svg) const;
  void draw_heat_map(SvgText& svg, const std::string& id) const;
  void draw_colour_bar(SvgText& svg) const;
  void draw_arrows(SvgText& svg) const;
  void draw_series(SvgText& svg, const Series& series, const Look& look) const;
  void draw_bars(SvgText& svg, const Series& series, const Look& look) const;
  void draw_line(SvgText& svg, const Series& series, const Look& look) const;
  void draw_band(SvgText& svg, const Series& series, const Look& look) const;
  void draw_points(SvgText& svg, const Series& series, const Look& look) const;
  void draw_errors(SvgText& svg, const Series& series, const Look& look) const;
  bool drawable(const Series& series, std::size_t i) const;
  std::string cell_colour(double value) const;

  const Panel& panel_;
  double width_, height_, x_ = 0, y_ = 0;
  Scale x_scale_, y_scale_;
  Scale colours_;
};

}  // namespace polysem::figures
