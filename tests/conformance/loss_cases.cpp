#include <algorithm>
#include <cmath>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Error of log sum exp in f32: the exponents' own rounding, the sum, and the last addition.
double log_sum_error(const Values& logits, std::int64_t row, std::int64_t classes) {
  double largest = 0;
  for (std::int64_t c = 0; c < classes; ++c)
    largest = std::max(largest, std::abs(logits[at(row * classes + c)]));
  return sum_error(classes) + (8 + 4 * largest) * kU;
}

std::string compare_cross_entropy(const Problem& problem, const std::vector<Values>& expected,
                                  const std::vector<Values>& actual) {
  const auto& op = std::get<CrossEntropy>(problem.op());
  const std::size_t loss = problem.position("loss");
  Values tolerance;
  for (std::int64_t r = 0; r < op.rows; ++r) {
    const double target = problem.values("targets")[at(r)];
    const bool inside = target >= 0 && target < static_cast<double>(op.classes);
    tolerance.push_back(inside ? log_sum_error(problem.values("logits"), r, op.classes) : 0);
  }
  return compare_within("loss", expected[loss], actual[loss], tolerance);
}

std::string compare_kl(const Problem& problem, const std::vector<Values>& expected,
                       const std::vector<Values>& actual) {
  const auto& op = std::get<KlDivergence>(problem.op());
  const Values &p = problem.values("p_logits"), &q = problem.values("q_logits");
  const auto log_total = [&](const Values& logits, std::int64_t r) {
    double sum = 0, largest = -INFINITY;
    for (std::int64_t c = 0; c < op.classes; ++c) largest = std::max(largest, logits[at(r * op.classes + c)]);
    for (std::int64_t c = 0; c < op.classes; ++c) sum += std::exp(logits[at(r * op.classes + c)] - largest);
    return largest + std::log(sum);
  };
  const std::size_t out = problem.position("divergence");
  Values tolerance;
  for (std::int64_t r = 0; r < op.rows; ++r) {
    const double error = log_sum_error(p, r, op.classes) + log_sum_error(q, r, op.classes);
    const double p_total = log_total(p, r), q_total = log_total(q, r);
    double terms = 0;
    for (std::int64_t c = 0; c < op.classes; ++c) {
      const double log_p = p[at(r * op.classes + c)] - p_total, log_q = q[at(r * op.classes + c)] - q_total;
      terms += std::exp(log_p) * std::abs(log_p - log_q);
    }
    tolerance.push_back(2 * error * (1 + terms) + sum_error(op.classes) * terms);
  }
  return compare_within("divergence", expected[out], actual[out], tolerance);
}

void add_losses(std::vector<Case>& list) {
  constexpr std::int64_t kShapes[][2] = {{1, 1}, {1, 1000}, {33, 7}, {5, 4099}, {65, 129}, {0, 3}};
  const auto add = [&](const std::string& detail, std::int64_t rows, std::int64_t classes, Data data,
                       double scale, DType type, bool pad) {
    list.push_back({"cross_entropy_" + detail,
                    [=](std::uint64_t seed) {
                      Problem p(CrossEntropy{rows, classes}, seed);
                      Values targets;
                      for (std::int64_t r = 0; r < rows; ++r)
                        targets.push_back(static_cast<double>(r % 7 == 3   ? -1
                                                              : r % 7 == 5 ? classes
                                                                           : r * 37 % classes));
                      p.set("targets", targets).type("logits", type).fill("logits", data, scale);
                      return pad ? p.pad() : p;
                    },
                    compare_cross_entropy});
    list.push_back({"kl_divergence_" + detail,
                    [=](std::uint64_t seed) {
                      Problem p(KlDivergence{rows, classes}, seed);
                      p.type("p_logits", type).fill("p_logits", data, scale);
                      p.type("q_logits", type).fill("q_logits", Data::kNormal, scale);
                      return pad ? p.pad() : p;
                    },
                    compare_kl});
  };
  for (const auto& [rows, classes] : kShapes)
    add(std::to_string(rows) + "x" + std::to_string(classes), rows, classes, Data::kNormal, 4, DType::kF32,
        rows % 2 == 1);
  add("bf16", 17, 257, Data::kNormal, 4, DType::kBF16, true);
  add("large", 9, 65, Data::kNormal, 200, DType::kF32, false);
  add("equal", 9, 65, Data::kEqual, 1, DType::kF32, false);
  add("zero", 9, 65, Data::kZero, 1, DType::kF32, false);
  add("integer", 9, 63, Data::kInteger, 1, DType::kF32, false);
}

}  // namespace

std::vector<Case> loss_cases() {
  std::vector<Case> list;
  add_losses(list);
  return list;
}

}  // namespace polysem::conformance
