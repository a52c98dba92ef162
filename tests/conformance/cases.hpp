#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/conformance/problem.hpp"

namespace polysem::conformance {

/// "" or what differs between the reference's values and a backend's, of every operand.
using Compare = std::function<std::string(const Problem&, const std::vector<Values>& expected,
                                          const std::vector<Values>& actual)>;

/// One line of the conformance table. The problem is made when the case runs; its seed is the hash of the
/// name.
struct Case {
  std::string name;  ///< starts with the op's name; letters, digits and underscores
  std::function<Problem(std::uint64_t seed)> make;
  Compare compare;
  bool exact = false;  ///< compare with the reference in the outputs' own types: every bit counts
};

/// A case whose outputs must be equal to the reference's.
Case exact_case(std::string name, std::function<Problem(std::uint64_t seed)> make);

/// The tables, one a family of ops.
std::vector<Case> gemm_cases();
std::vector<Case> elementwise_cases();
std::vector<Case> reduce_cases();
std::vector<Case> fill_cases();
std::vector<Case> row_cases();
std::vector<Case> adam_cases();
std::vector<Case> encode_topk_cases();
std::vector<Case> encode_threshold_cases();
std::vector<Case> encode_batch_topk_cases();
std::vector<Case> sparse_cases();
std::vector<Case> latent_cases();
std::vector<Case> transformer_cases();
std::vector<Case> attention_cases();
std::vector<Case> loss_cases();
std::vector<Case> toy_cases();
std::vector<Case> tied_cases();

/// All of them.
const std::vector<Case>& all_cases();

}  // namespace polysem::conformance
