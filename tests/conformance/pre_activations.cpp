#include "tests/conformance/pre_activations.hpp"

#include <algorithm>
#include <cmath>

#include "tests/conformance/compare.hpp"
#include "tests/conformance/run_problem.hpp"

namespace polysem::conformance {

namespace {

bool holds_bf16(const Values& values) {
  return std::ranges::all_of(values, [](double v) { return rounded(DType::kBF16, v) == v || std::isnan(v); });
}

}  // namespace

PreActivations pre_activations(const Problem& problem, Precision precision) {
  const OperandSpec &x = problem.at("x").spec, &w_enc = problem.at("w_enc").spec;
  Problem product(
      Gemm{.m = x.rows, .n = w_enc.rows, .k = x.cols, .transpose_b = true, .precision = precision}, 0);
  product.set("a", problem.values("x"))
      .set("b", problem.values("w_enc"))
      .set("bias", problem.values("b_enc"));
  const std::size_t c = product.position("c");
  PreActivations result{reference_values(product)[c], magnitudes(product)[c]};
  const bool inputs_change = precision == Precision::kBF16 &&
                             !(holds_bf16(problem.values("x")) && holds_bf16(problem.values("w_enc")));
  const double factor = sum_error(x.cols + 1) + (inputs_change ? 2.1 * kBf16Rounding : 0);
  const double floor = 8 * kTiny * static_cast<double>(x.cols + 2);
  for (double& t : result.tolerance) t = factor * t + floor;  // infinite where the terms are
  return result;
}

}  // namespace polysem::conformance
