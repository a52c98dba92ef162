#pragma once

#include <string>
#include <vector>

#include "tests/conformance/problem.hpp"

namespace polysem::conformance {

/// Results of latent_update: bounds of the gradients' sums, carried through projection, Adam and
/// normalisation.
std::string compare_latent_update(const Problem& problem, const std::vector<Values>& expected,
                                  const std::vector<Values>& actual);

}  // namespace polysem::conformance
