#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/cases.hpp"

namespace polysem::conformance {

/// Cases of an encoding op in each precision but f32, and in f32 of inputs that are stored in its type.
/// `encode` and `exact_encode` make a case of a name, an op and a setup; `low` and `low_exact` are the setups
/// that the low-precision ones begin with.
template <class Op, class Setup, class Encode, class ExactEncode>
void add_encode_precisions(std::vector<Case>& list, const Op& op, const Setup& low, const Setup& low_exact,
                           Encode&& encode, ExactEncode&& exact_encode) {
  const auto change = [](Setup setup, auto&& with) {
    with(setup);
    return setup;
  };
  for (const Precision precision : {Precision::kTF32, Precision::kBF16, Precision::kF16}) {
    Op low_op = op;
    low_op.precision = precision;
    const std::string of(name(precision));
    const DType type = storage_type(precision);
    const auto both = [&](Setup& s) { s.x_type = s.w_type = type; };
    list.push_back(encode(of + "_of_f32", low_op, low));
    if constexpr (requires { low.scale; })
      list.push_back(encode(of + "_scale", low_op, change(low, [](Setup& s) { s.scale = true; })));
    list.push_back(exact_encode(of, low_op, low_exact));
    if (type == DType::kF32) continue;
    list.push_back(
        encode(of + "_of_its_values", low_op, change(low, [](Setup& s) { s.x = s.w = Data::kBf16; })));
    list.push_back(
        encode(of + "_of_its_type", low_op, change(low, [&](Setup& s) { both(s), s.pad = true; })));
    list.push_back(exact_encode(of + "_of_its_type", low_op, change(low_exact, both)));
    list.push_back(encode("f32_of_" + of + "_x", op, change({}, [&](Setup& s) { s.x_type = type; })));
    list.push_back(encode("f32_of_" + of + "_w", op, change({}, [&](Setup& s) { s.w_type = type; })));
    list.push_back(exact_encode("f32_of_" + of, op, change({}, both)));
  }
}

}  // namespace polysem::conformance
