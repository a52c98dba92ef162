#pragma once

#include <string>

#include "polysem/latent_report.hpp"

namespace polysem {

/// The report as one HTML file that needs nothing else: no network, no other file. Made of page.html with
/// page.css, the scripts beside it and the data inside. Strings of the report never become markup.
/// Throws Error{kBadInput} if `eval_json` is not a JSON object, Error{kInvalidArgument} if arrays of the
/// report disagree in length.
std::string report_html(const LatentReport& report);

}  // namespace polysem
