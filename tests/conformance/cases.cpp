#include "tests/conformance/cases.hpp"

#include "tests/conformance/compare.hpp"

namespace polysem::conformance {

Case exact_case(std::string name, std::function<Problem(std::uint64_t seed)> make) {
  return {std::move(name), std::move(make), compare_all_exactly, true};
}

const std::vector<Case>& all_cases() {
  static const std::vector<Case> cases = [] {
    std::vector<Case> all;
    for (const auto family :
         {gemm_cases, elementwise_cases, reduce_cases, fill_cases, row_cases, adam_cases, encode_topk_cases,
          encode_threshold_cases, encode_batch_topk_cases, sparse_cases, latent_cases, transformer_cases,
          attention_cases, loss_cases, toy_cases, tied_cases}) {
      for (Case& one : family()) all.push_back(std::move(one));
    }
    return all;
  }();
  return cases;
}

}  // namespace polysem::conformance
