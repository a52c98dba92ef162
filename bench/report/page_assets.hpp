#pragma once

#include <string_view>

namespace polysem {

/// The files of this folder that make the page; embed.cmake writes their definitions.
extern const std::string_view kPageHtml;
extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;

}  // namespace polysem
