#include "bench/figures/figure.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "bench/figures/gallery.hpp"

namespace polysem::figures {
namespace {

/// One panel of every kind, with what breaks figures: values that are not finite, zero on a logarithmic axis,
/// markup in names.
Figure sample() {
  Panel lines;
  lines.title = "Lines";
  lines.x = {.label = "neurons m", .log = true, .lowest = {}, .highest = {}, .ticks = {}};
  lines.y = {.label = "collisions", .log = true, .lowest = {}, .highest = {}, .ticks = {}};
  lines.series.push_back({.name = "measured <W & b>",
                          .x = {256, 512, 1024, 2048, 4096},
                          .y = {72, 24, 10, NAN, 3.8},
                          .error = {3, 2, 1, 1, .5}});
  lines.series.push_back({.name = "expected",
                          .kind = Series::Kind::kLine,
                          .x = {256, 512, 1024, 2048, 4096},
                          .y = {64, 32, 16, 8, 0},
                          .error = {},
                          .dashed = true});
  Panel bars;
  bars.title = "Bars";
  bars.y.label = "share";
  bars.x.ticks = {{0, "relu"}, {1, "linear"}, {2, "abs"}};
  bars.series.push_back(
      {.name = "seen", .kind = Series::Kind::kBars, .x = {0, 1, 2}, .y = {.4, .8, .9}, .error = {}});
  bars.series.push_back({.name = "held out",
                         .kind = Series::Kind::kBars,
                         .x = {0, 1, 2},
                         .y = {.3, .2, .1},
                         .error = {.1, .05, .02}});
  Panel map;
  map.title = "Heat map";
  map.x = {.label = "density", .log = true, .lowest = .01, .highest = 1, .ticks = {}};
  map.y = {.label = "importance", .log = true, .lowest = .1, .highest = 10, .ticks = {}};
  map.heat_map = {
      .rows = 3, .cols = 4, .values = {}, .label = "loss", .lowest = {}, .highest = {}, .classes = {}};
  for (int i = 0; i < 12; ++i) map.heat_map.values.push_back(i == 5 ? INFINITY : i * .01);
  Panel phases = map;
  phases.title = "Phases";
  phases.heat_map.classes = {"not represented", "own dimension", "superposition"};
  for (int i = 0; i < 12; ++i) phases.heat_map.values[static_cast<std::size_t>(i)] = i % 3;
  Panel pentagon;
  pentagon.title = "Features";
  for (int i = 0; i < 5; ++i) {
    pentagon.arrows.tips.push_back({1.1 * std::cos(1.2566 * i), 1.1 * std::sin(1.2566 * i)});
    pentagon.arrows.labels.push_back(std::to_string(i + 1));
    pentagon.arrows.shade.push_back(i / 4.0);
  }
  Panel band;
  band.title = "Band";
  band.x.label = "time (steps)";
  band.y.label = "loss";
  Series curve{.name = "mean", .kind = Series::Kind::kLine, .x = {}, .y = {}, .error = {}};
  for (int i = 0; i <= 20; ++i) {
    curve.x.push_back(500 * i);
    curve.y.push_back(std::exp(-.2 * i));
    curve.error.push_back(.05);
  }
  Series area = curve;
  area.kind = Series::Kind::kBand;
  area.name = "one standard error";
  area.colour = 0;
  band.series = {curve, area};
  Figure figure;
  figure.title = "One panel of every kind";
  figure.description = "A test.";
  figure.panels = {lines, bars, map, phases, pentagon, band};
  return figure;
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

/// To look at: POLYSEM_FIGURES=DIR keeps what the tests draw.
void keep(const std::string& name, const std::string& text) {
  if (const char* folder = std::getenv("POLYSEM_FIGURES"))
    std::ofstream(std::string(folder) + "/" + name) << text;
}

TEST(Figure, HoldsNoNumberThatIsNone) {
  const std::string svg = to_svg(sample());
  keep("figure.svg", svg);
  for (const char* bad : {"nan", "NaN", "inf\"", "inf ", "Inf"})
    EXPECT_EQ(svg.find(bad), std::string::npos) << bad;
  EXPECT_NE(svg.find(">diverged<"), std::string::npos);
  EXPECT_NE(svg.find("url(#f2hatch)"), std::string::npos);
  EXPECT_NE(svg.find("measured &lt;W &amp; b&gt;"), std::string::npos);
}

TEST(Figure, SameBytesAgain) { EXPECT_EQ(to_svg(sample()), to_svg(sample())); }

TEST(Figure, SaysEverythingInAttributes) {
  const std::string svg = to_svg(sample());
  EXPECT_EQ(svg.find("<style"), std::string::npos);
  EXPECT_EQ(svg.find("class="), std::string::npos);
  EXPECT_EQ(count(svg, "<svg"), 1u);
  EXPECT_EQ(count(svg, "<text") + count(svg, "<title") + count(svg, "<desc"),
            count(svg, "</text>") + count(svg, "</title>") + count(svg, "</desc>"));
}

TEST(Figure, PlacesPointsAndErrorBars) {
  Figure figure;
  figure.panels.emplace_back();
  Panel& panel = figure.panels[0];
  panel.x.lowest = 0, panel.x.highest = 10, panel.y.lowest = 0, panel.y.highest = 10;
  figure.panel_width = 100, figure.panel_height = 100;
  panel.series.push_back(
      {.name = "", .kind = Series::Kind::kPoints, .x = {0, 5, 10, 20}, .y = {0, 5, 10, 5}, .error = {}});
  const std::string svg = to_svg(figure);
  // The last point is outside. Neighbours are 50 pixels apart both ways.
  EXPECT_EQ(count(svg, "<circle"), 3u);
  const auto number = [&](std::size_t from, const char* name) {
    const auto at = svg.find(name, from);
    return std::stod(svg.substr(at + std::string(name).size()));
  };
  const auto first = svg.find("<circle"), second = svg.find("<circle", first + 1);
  EXPECT_NEAR(number(second, "cx=\"") - number(first, "cx=\""), 50, .02);
  EXPECT_NEAR(number(second, "cy=\"") - number(first, "cy=\""), -50, .02);
}

TEST(Figure, NothingToDraw) {
  EXPECT_NE(to_svg(Figure{}).find("</svg>"), std::string::npos);
  Figure figure;
  figure.panels.emplace_back();
  figure.panels[0].x.log = true;
  figure.panels[0].series.push_back({.name = "only zeros", .x = {0, 0}, .y = {NAN, 0}, .error = {}});
  const std::string svg = to_svg(figure);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(Gallery, HoldsFiguresForWideAndNarrowScreens) {
  GalleryEntry entry;
  entry.id = "sample";
  entry.title = "All kinds";
  entry.text = "What a figure can be made of.";
  entry.command = "polysem toy phase --out phase";
  entry.figure = sample();
  entry.table = {{"m", "measured", "expected"}, {"256", "72 ± 3", "64"}};
  entry.links = {{"result.json", "sample/result.json"}};
  GalleryEntry small = entry;
  small.id = "small";
  small.figure.panels.resize(1);
  const std::string page = gallery_page("Figures", "Two of them.", {entry, small});
  keep("gallery.html", page);
  EXPECT_EQ(count(page, "<svg"), 3u);
  // Ids are those of one element each.
  for (const char* id : {"id=\"sample-w2hatch\"", "id=\"sample-n2hatch\"", "id=\"small-title\""})
    EXPECT_EQ(count(page, id), 1u) << id;
  EXPECT_EQ(page.find("http:"), page.find("http://www.w3.org/2000/svg"));
}

}  // namespace
}  // namespace polysem::figures
