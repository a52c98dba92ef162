#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/problem.hpp"

/// Tolerances are computed, not chosen: from the rounding error u = 2^-24 of f32, the length of sums, and the
/// magnitude of their terms.
namespace polysem::conformance {

inline constexpr double kU = 0x1p-24;  ///< half a unit in the last place of f32, relative
/// Of a float type: what storing a number in it may change, relative to the number; and besides, where it is
/// among the type's denormals.
double storage_rounding(DType type);
double storage_step(DType type);
/// By how much two treatments of an input of products may differ that a precision allows, relatively: rounded
/// to nearest, not rounded at all, and for TF32 cut off, as some hardware does (NVIDIA's documentation leaves
/// it open).
double input_spread(Precision precision);
/// Whether a product of this precision sees other inputs than these.
bool inputs_change(Precision precision, const Values& a, const Values& b);
/// Backends may flush denormals to zero.
inline constexpr double kTiny = 0x1p-126;

/// Relative error of a sum of `length` terms in f32, to be multiplied by the sum of the terms' magnitudes.
double sum_error(std::int64_t length);

/// What an elementwise comparison found: "" or the worst element, and how many are wrong.
std::string compare_within(std::string_view label, const Values& expected, const Values& actual,
                           const Values& tolerance);
std::string compare_exactly(std::string_view label, const Values& expected, const Values& actual,
                            std::size_t count = std::numeric_limits<std::size_t>::max());

/// Normalised mean squared error: sum (actual - expected)^2 / sum expected^2.
double nmse(const std::vector<float>& expected, const std::vector<float>& actual);
/// The same of doubles, at most `limit`.
std::string compare_nmse(std::string_view label, const Values& expected, const Values& actual, double limit);

/// Adds what storing in the operand's type may round away to the tolerances.
Values with_storage(const Operand& operand, const Values& expected, Values tolerance);

/// Every written operand within factor * magnitude + floor.
std::string compare_by_magnitude(const Problem& problem, const std::vector<Values>& expected,
                                 const std::vector<Values>& actual, const std::vector<Values>& magnitude,
                                 double factor, double floor = 0);

/// Every written operand exactly; -0 and +0 are equal, NaN equals NaN.
std::string compare_all_exactly(const Problem& problem, const std::vector<Values>& expected,
                                const std::vector<Values>& actual);

}  // namespace polysem::conformance
