#pragma once

#include <string>
#include <vector>

#include "tests/conformance/problem.hpp"

namespace polysem::conformance {

/// Results of encode_topk as rankings: latents may differ from the reference's only where their
/// pre-activations are as close to the k-th best as rounding allows; values are within what an f32 product
/// may be off by.
std::string compare_encode_topk(const Problem& problem, const std::vector<Values>& expected,
                                const std::vector<Values>& actual);

}  // namespace polysem::conformance
