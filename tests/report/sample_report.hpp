#pragma once

#include <cstdint>

#include "polysem/latent_report.hpp"

namespace polysem {

/// A report about an invented coder that reads invented text: sentences of four kinds made from word lists,
/// in which latent i fires on word i (and more weakly on its neighbours in meaning). Everything that a
/// collector, a selection and the decoder give is computed from them as `polysem report` does; training curve
/// and evaluation are made up. For tests and for looking at the page.
LatentReport sample_report(std::int64_t chosen, std::int64_t random);

}  // namespace polysem
