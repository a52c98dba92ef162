#include "bench/figures/gallery.hpp"

#include "bench/figures/svg_text.hpp"
#include "bench/report/page_assets.hpp"

namespace polysem::figures {

namespace {

constexpr std::string_view kStyle = R"css(
.toc { columns: 18rem; padding-inline-start: 1.1em; margin-block: 18px; }
.exhibit { margin-block: 34px; padding: 18px clamp(12px, 3vw, 26px) 20px; }
.exhibit p { max-width: 76ch; margin-block: 0 14px; }
.exhibit figure { background: #fff; border-radius: 8px; overflow-x: auto; text-align: center; }
.exhibit svg { display: inline-block; max-width: 100%; height: auto; }
.exhibit .narrow { display: none; }
@media (max-width: 760px) { .exhibit .wide { display: none; } .exhibit .narrow { display: inline-block; } }
.exhibit pre { overflow-x: auto; padding: 8px 12px; border: 1px solid var(--line); border-radius: 8px; margin-block: 12px 0; }
.scroll { overflow-x: auto; margin-block-start: 14px; }
.exhibit table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
.exhibit th, .exhibit td { text-align: start; padding: 3px 16px 3px 0; border-block-end: 1px solid var(--line); white-space: nowrap; }
.exhibit th { color: var(--soft); font-weight: 560; }
)css";

/// The same figure with a class, to be shown or hidden by the width of the screen.
std::string classed(std::string svg, const std::string& name) {
  return svg.replace(0, 4, "<svg class=\"" + name + "\"");
}

std::string drawing(const GalleryEntry& entry) {
  if (entry.figure.panels.size() < 2) return to_svg(entry.figure, entry.id + "-");
  Figure narrow = entry.figure;
  narrow.columns = 1;
  return classed(to_svg(entry.figure, entry.id + "-w"), "wide") +
         classed(to_svg(narrow, entry.id + "-n"), "narrow");
}

std::string table_of(const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return "";
  std::string html = "<div class=\"scroll\"><table>\n";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    html += "<tr>";
    for (const std::string& cell : rows[r]) {
      const std::string tag = r == 0 ? "th" : "td";
      html += "<" + tag + ">" + escaped(cell) + "</" + tag + ">";
    }
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string exhibit(const GalleryEntry& entry) {
  std::string html = "<section class=\"card exhibit\" id=\"" + escaped(entry.id) + "\">\n<h2>" +
                     escaped(entry.title) + "</h2>\n";
  if (!entry.text.empty()) html += "<p>" + escaped(entry.text) + "</p>\n";
  html += "<figure>\n" + drawing(entry) + "</figure>\n" + table_of(entry.table);
  if (!entry.command.empty()) html += "<pre>" + escaped(entry.command) + "</pre>\n";
  std::string links;
  for (const auto& [text, file] : entry.links)
    links += (links.empty() ? "" : " · ") + ("<a href=\"" + escaped(file) + "\">" + escaped(text) + "</a>");
  if (!links.empty()) html += "<p class=\"muted\">" + links + "</p>\n";
  return html + "</section>\n";
}

}  // namespace

std::string gallery_page(const std::string& title, const std::string& introduction,
                         const std::vector<GalleryEntry>& entries) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      escaped(title) + "</title>\n<style>" + std::string(kPageStyle) + std::string(kStyle) +
      "</style>\n<header class=\"masthead\"><div class=\"column\">\n<h1>" + escaped(title) +
      "</h1>\n<p class=\"lede\">" + escaped(introduction) +
      "</p>\n</div></header>\n<main class=\"column\">\n<ul class=\"toc\">\n";
  for (const GalleryEntry& entry : entries)
    html += "<li><a href=\"#" + escaped(entry.id) + "\">" + escaped(entry.title) + "</a></li>\n";
  html += "</ul>\n";
  for (const GalleryEntry& entry : entries) html += exhibit(entry);
  return html + "</main>\n</html>\n";
}

}  // namespace polysem::figures
