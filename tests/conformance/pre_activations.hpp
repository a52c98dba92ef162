#pragma once

#include <cstdint>

#include "tests/conformance/problem.hpp"

namespace polysem::conformance {

/// Every pre-activation of an encoding op, and how far off an f32 product may be. [rows, latents]
struct PreActivations {
  Values h, tolerance;
};

/// Of a problem with operands x, w_enc and b_enc.
PreActivations pre_activations(const Problem& problem, Precision precision);

}  // namespace polysem::conformance
