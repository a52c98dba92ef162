#include "bench/figures/legend.hpp"

#include <algorithm>
#include <cmath>

#include "bench/figures/palette.hpp"

namespace polysem::figures {

namespace {

constexpr double kSampleWidth = 24, kGap = 16, kLineHeight = 17;

bool has_line(Series::Kind kind) {
  return kind == Series::Kind::kLine || kind == Series::Kind::kLineAndPoints;
}
bool has_points(Series::Kind kind) {
  return kind == Series::Kind::kPoints || kind == Series::Kind::kLineAndPoints;
}

bool has_diverged(const Panel& panel) {
  const auto bad = [](double v) { return !std::isfinite(v); };
  return std::any_of(panel.series.begin(), panel.series.end(), [&](const Series& s) {
    for (std::size_t i = 0; i < s.y.size(); ++i)
      if (bad(s.y[i]) && i < s.x.size() && !bad(s.x[i])) return true;
    return false;
  });
}

}  // namespace

std::string class_colour(std::size_t number) {
  // Lighter than lines: they fill areas.
  constexpr const char* kColours[] = {"#e8e8e8", "#9ecae1", "#0072b2", "#e69f00",
                                      "#009e73", "#cc79a7", "#56b4e9"};
  return kColours[number % 7];
}

void draw_marker(SvgText& svg, double x, double y, const Look& look, double opacity) {
  const double r = 3 * look.size;
  const auto at = [&](double dx, double dy) { return coordinate(x + dx * r) + " " + coordinate(y + dy * r); };
  std::string fill = " fill=\"" + look.colour + "\"";
  if (opacity < 1) fill += " fill-opacity=\"" + coordinate(opacity) + "\"";
  switch (look.marker % 5) {
    case 0:
      svg.raw("<circle cx=\"" + coordinate(x) + "\" cy=\"" + coordinate(y) + "\" r=\"" + coordinate(r) +
              "\"" + fill + "/>\n");
      break;
    case 1:
      svg.path("M" + at(-.9, -.9) + "L" + at(.9, -.9) + "L" + at(.9, .9) + "L" + at(-.9, .9) + "Z", fill);
      break;
    case 2:
      svg.path("M" + at(0, -1.2) + "L" + at(1.1, .8) + "L" + at(-1.1, .8) + "Z", fill);
      break;
    case 3:
      svg.path("M" + at(0, -1.3) + "L" + at(1.3, 0) + "L" + at(0, 1.3) + "L" + at(-1.3, 0) + "Z", fill);
      break;
    default:
      svg.path("M" + at(0, 1.2) + "L" + at(1.1, -.8) + "L" + at(-1.1, -.8) + "Z", fill);
  }
}

void draw_cross(SvgText& svg, double x, double y) {
  svg.line(x - 3.5, y - 3.5, x + 3.5, y + 3.5, kDivergedColour, 1.6);
  svg.line(x - 3.5, y + 3.5, x + 3.5, y - 3.5, kDivergedColour, 1.6);
}

Legend::Legend(const Figure& figure) {
  int next = 0;
  bool diverged = false;
  for (const Panel& panel : figure.panels) {
    for (const Series& series : panel.series) {
      const auto same = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return !series.name.empty() && entry.name == series.name;
      });
      if (same != entries_.end()) {
        looks_[&series] = same->look;
        looks_[&series].kind = series.kind;
        continue;
      }
      const int number = series.colour >= 0 ? series.colour : next;
      if (series.colour < 0) ++next;
      const Look look{palette_colour(number), number, series.kind, series.dashed, series.size};
      looks_[&series] = look;
      if (!series.name.empty()) entries_.push_back({series.name, look, ""});
    }
    diverged = diverged || has_diverged(panel);
    const auto& classes = panel.heat_map.classes;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      const bool known = std::any_of(entries_.begin(), entries_.end(),
                                     [&](const Entry& entry) { return entry.name == classes[i]; });
      if (!known) add_swatch(classes[i], class_colour(i));
    }
  }
  if (diverged) add_swatch("diverged", "cross");
}

void Legend::add_swatch(const std::string& name, const std::string& swatch) {
  Entry& entry = entries_.emplace_back();
  entry.name = name, entry.swatch = swatch;
}

const Look& Legend::look(const Series& series) const { return looks_.at(&series); }

std::vector<std::vector<std::size_t>> Legend::lines(double width) const {
  std::vector<std::vector<std::size_t>> result;
  double used = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const double needed = kSampleWidth + 6 + text_width(entries_[i].name) + kGap;
    if (result.empty() || used + needed > width) result.emplace_back(), used = 0;
    result.back().push_back(i);
    used += needed;
  }
  return result;
}

double Legend::height(double width) const {
  return entries_.empty() ? 0 : kLineHeight * static_cast<double>(lines(width).size()) + 8;
}

void Legend::draw(SvgText& svg, double left, double top, double width) const {
  double y = top + kLineHeight / 2;
  for (const auto& line : lines(width)) {
    double needed = -kGap;
    for (const std::size_t i : line) needed += kSampleWidth + 6 + text_width(entries_[i].name) + kGap;
    double x = left + std::max(0.0, (width - needed) / 2);
    for (const std::size_t i : line) {
      const Entry& entry = entries_[i];
      const double middle = x + kSampleWidth / 2;
      const Look& look = entry.look;
      if (entry.swatch == "cross") {
        draw_cross(svg, middle, y);
      } else if (!entry.swatch.empty() || look.kind == Series::Kind::kBars ||
                 look.kind == Series::Kind::kBand) {
        svg.rectangle(middle - 6, y - 6, 12, 12, entry.swatch.empty() ? look.colour : entry.swatch,
                      look.kind == Series::Kind::kBand ? " fill-opacity=\"0.25\"" : "");
      } else {
        if (has_line(look.kind))
          svg.line(x, y, x + kSampleWidth, y, look.colour, 1.6 * std::min(look.size, 1.5),
                   look.dashed ? " stroke-dasharray=\"5 3\"" : "");
        Look sample = look;
        sample.size = std::max(look.size, 0.8);
        if (has_points(look.kind)) draw_marker(svg, middle, y, sample);
      }
      svg.text(x + kSampleWidth + 6, y + 3.8, entry.name);
      x += kSampleWidth + 6 + text_width(entry.name) + kGap;
    }
    y += kLineHeight;
  }
}

}  // namespace polysem::figures
