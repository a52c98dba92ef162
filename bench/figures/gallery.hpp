#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/figures/figure.hpp"

namespace polysem::figures {

/// One experiment on a page.
struct GalleryEntry {
  std::string id;       ///< of its place on the page, for links: letters, digits, hyphens
  std::string title;    ///< one line
  std::string text;     ///< what is to be seen, one paragraph
  std::string command;  ///< that makes the full version
  Figure figure;
  /// Rows under the figure, the first one the heading: numbers beside what was expected. May be empty.
  std::vector<std::vector<std::string>> table;
  std::vector<std::pair<std::string, std::string>> links;  ///< (text, file beside the page)
};

/// A self-contained HTML page of figures. Figures of several panels are on it twice, side by side for wide
/// screens and one below the other for narrow ones.
std::string gallery_page(const std::string& title, const std::string& introduction,
                         const std::vector<GalleryEntry>& entries);

}  // namespace polysem::figures
