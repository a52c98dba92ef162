#include "tests/conformance/encode_topk_compare.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "tests/conformance/compare.hpp"
#include "tests/conformance/pre_activations.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::vector<std::int64_t> latents_taking_part(const Problem& problem) {
  const auto& op = std::get<EncodeTopK>(problem.op());
  std::vector<std::int64_t> list(at(op.latents));
  std::iota(list.begin(), list.end(), 0);
  if (op.candidates == 0) return list;
  list.clear();
  for (const double id : problem.values("candidates")) list.push_back(static_cast<std::int64_t>(id));
  return list;
}

/// Checks one row of results.
class RowCheck {
 public:
  RowCheck(const Problem& problem, const PreActivations& pre, std::int64_t row)
      : problem_(problem), op_(std::get<EncodeTopK>(problem.op())), pre_(pre), row_(row) {}

  std::string check(const std::vector<std::int64_t>& latents, const Values& expected_ids, const Values& ids,
                    const Values& values) const {
    bool finite = true;
    for (const std::int64_t j : latents) finite = finite && std::isfinite(pre_.h[index(j)]);
    std::set<std::int64_t> chosen, wanted;
    for (std::int64_t i = 0; i < op_.k; ++i) {
      const auto id = static_cast<std::int64_t>(ids[at(row_ * op_.k + i)]);
      if (!std::ranges::binary_search(latents, id)) return fail("has a latent that takes no part", id);
      if (!chosen.empty() && id <= *chosen.rbegin()) return fail("does not ascend", id);
      chosen.insert(id);
      wanted.insert(static_cast<std::int64_t>(expected_ids[at(row_ * op_.k + i)]));
      const double value = values[at(row_ * op_.k + i)];
      if (!finite && value != 0) return fail("is not 0 in a row with NaN or infinity", id);
      if (!finite) continue;
      const double difference = std::abs(value - std::max(pre_.h[index(id)], 0.0));
      if (!(difference <= pre_.tolerance[index(id)]) || value < 0) return fail("has a wrong value", id);
    }
    return finite ? check_selection(latents, chosen, wanted) : "";
  }

 private:
  std::size_t index(std::int64_t latent) const { return at(row_ * op_.latents + latent); }
  double scale(std::int64_t latent) const {
    return problem_.at("scale").present ? problem_.values("scale")[at(latent)] : 1.0;
  }

  // Latents may differ only where both are as close to the k-th best as rounding allows.
  std::string check_selection(const std::vector<std::int64_t>& latents, const std::set<std::int64_t>& chosen,
                              const std::set<std::int64_t>& wanted) const {
    double bound = 0, threshold = INFINITY;
    for (const std::int64_t j : latents)
      bound = std::max(bound,
                       std::abs(scale(j)) * (pre_.tolerance[index(j)] + 2 * kU * std::abs(pre_.h[index(j)])));
    for (const std::int64_t j : wanted) threshold = std::min(threshold, scale(j) * pre_.h[index(j)]);
    const auto near = [&](std::int64_t j) {
      return std::abs(scale(j) * pre_.h[index(j)] - threshold) <= 2 * bound;
    };
    for (const std::int64_t j : chosen)
      if (!wanted.contains(j) && !near(j)) return fail("was chosen", j);
    for (const std::int64_t j : wanted)
      if (!chosen.contains(j) && !near(j)) return fail("was not chosen", j);
    return "";
  }

  std::string fail(const std::string& what, std::int64_t latent) const {
    return "row " + std::to_string(row_) + ": latent " + std::to_string(latent) + " " + what + "\n";
  }

  const Problem& problem_;
  const EncodeTopK& op_;
  const PreActivations& pre_;
  std::int64_t row_;
};

}  // namespace

std::string compare_encode_topk(const Problem& problem, const std::vector<Values>& expected,
                                const std::vector<Values>& actual) {
  const auto& op = std::get<EncodeTopK>(problem.op());
  const PreActivations pre = pre_activations(problem, op.precision);
  const auto latents = latents_taking_part(problem);
  const std::size_t values = problem.position("values"), ids = problem.position("ids");
  std::string found;
  for (std::int64_t r = 0; r < op.rows && found.empty(); ++r)
    found = RowCheck(problem, pre, r).check(latents, expected[ids], actual[ids], actual[values]);
  const std::size_t counter = problem.position("nonfinite");
  return found + compare_exactly("nonfinite", expected[counter], actual[counter]);
}

}  // namespace polysem::conformance
