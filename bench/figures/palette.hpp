#pragma once

#include <string>

namespace polysem::figures {

/// Okabe and Ito's colours (https://jfly.uni-koeln.de/color/) in the order of use, without the yellow, which
/// white paper swallows.
std::string palette_colour(int number);

/// Viridis (van der Walt and Smith, matplotlib) at `share` in [0, 1].
std::string viridis(double share);
/// Blue at -1, near white at 0, orange at 1.
std::string diverging(double share);

}  // namespace polysem::figures
