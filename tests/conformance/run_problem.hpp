#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "polysem/backend.hpp"
#include "tests/conformance/problem.hpp"

namespace polysem::conformance {

struct Outcome {
  std::vector<Values> values;                  ///< of every operand after the run; empty where absent
  std::vector<std::vector<std::byte>> memory;  ///< of every operand's buffer, for comparing bits
  std::string damage;                          ///< what was written that should not have been, or ""
};

/// Element types of the operands, as Backend::supports takes them.
std::vector<DType> types_of(const Problem& problem);

/// Whether a backend refuses a problem for nothing but a precision that it does not list, or for f16
/// operands, which go with one.
bool lacks_precision(const Backend& backend, const Problem& problem);

/// The values in memory of this type, without gaps.
std::vector<std::byte> packed(DType type, const Values& values);

/// Runs the op with every operand in a buffer of its own, between guard bands of 0xCD that also fill outputs,
/// gaps between rows and the workspace. Checks that nothing but outputs changed. With `frozen_inputs` the
/// memory of operands that are only read counts as rarely written.
Outcome run_problem(Backend& backend, const Problem& problem, bool frozen_inputs = false);

/// What the reference computes. `exact_types` keeps the outputs' types; else floats are written as f32, so
/// that a backend's rounding to bf16 can be bounded.
std::vector<Values> reference_values(const Problem& problem, bool exact_types = false);

/// The op on the absolute values of its float inputs (and constants, without ReLU): for a linear op the sum
/// of the magnitudes of the terms, which rounding errors are proportional to.
std::vector<Values> magnitudes(Problem problem);

}  // namespace polysem::conformance
