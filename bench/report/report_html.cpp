#include "bench/report/report_html.hpp"

#include <map>
#include <string_view>

#include "bench/report/page_assets.hpp"
#include "bench/report/report_json.hpp"
#include "bench/report/visible_bytes.hpp"

namespace polysem {
namespace {

std::string escape_html(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string title(const ReportProvenance& p) {
  std::string text = std::to_string(p.latents) + " latents";
  if (!p.model.empty()) text += " of " + p.model;
  if (!p.site.empty()) text += " at " + p.site;
  return escape_html(visible_bytes(text + " · polysem"));
}

/// Replaces each {{name}} of the page; what is put in is not looked at again.
std::string fill(std::string_view page, const std::map<std::string_view, std::string_view>& parts) {
  std::string result;
  while (true) {
    const std::size_t begin = page.find("{{");
    const std::size_t end = page.find("}}", begin);
    if (begin == page.npos || end == page.npos) return result.append(page);
    result.append(page.substr(0, begin));
    result.append(parts.at(page.substr(begin + 2, end - begin - 2)));
    page.remove_prefix(end + 2);
  }
}

}  // namespace

std::string report_html(const LatentReport& report) {
  const std::string heading = title(report.provenance);
  const std::string data = report_json(report);
  return fill(kPageHtml,
              {{"title", heading}, {"style", kPageStyle}, {"data", data}, {"script", kPageScript}});
}

}  // namespace polysem
