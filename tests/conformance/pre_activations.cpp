#include "tests/conformance/pre_activations.hpp"

#include "tests/conformance/compare.hpp"
#include "tests/conformance/run_problem.hpp"

namespace polysem::conformance {

PreActivations pre_activations(const Problem& problem, Precision precision) {
  const OperandSpec &x = problem.at("x").spec, &w_enc = problem.at("w_enc").spec;
  Problem product(
      Gemm{.m = x.rows, .n = w_enc.rows, .k = x.cols, .transpose_b = true, .precision = precision}, 0);
  product.set("a", problem.values("x"))
      .set("b", problem.values("w_enc"))
      .set("bias", problem.values("b_enc"));
  const std::size_t c = product.position("c");
  PreActivations result{reference_values(product)[c], magnitudes(product)[c]};
  const bool change = inputs_change(precision, problem.values("x"), problem.values("w_enc"));
  const double factor = sum_error(x.cols + 1) + (change ? 2.1 * input_spread(precision) : 0);
  const double floor = 8 * kTiny * static_cast<double>(x.cols + 2);
  for (double& t : result.tolerance) t = factor * t + floor;  // infinite where the terms are
  return result;
}

}  // namespace polysem::conformance
