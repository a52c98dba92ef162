#pragma once

#include <string>

#include "polysem/latent_report.hpp"

namespace polysem {

/// The report as the JSON that the page's script reads ("polysem.report/1"), in compact form: token and
/// document names once, activations only where they are not 0, numbers to four digits. Safe inside a script
/// element: it holds no '<'. Throws Error{kBadInput} if `eval_json` is not a JSON object.
std::string report_json(const LatentReport& report);

}  // namespace polysem
