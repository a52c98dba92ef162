#include <algorithm>
#include <cmath>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/conformance/run_problem.hpp"

namespace polysem::conformance {

namespace {

using Kind = Reduce::Kind;
using Along = Reduce::Along;

constexpr std::string_view kNames[] = {"sum", "sum_squares", "dot", "squared_distance", "max"};

bool takes_b(Kind kind) { return kind == Kind::kDot || kind == Kind::kSquaredDistance; }

// The terms of the sums: their magnitudes are those of the op on |a| and |b|; (a - b)^2 <= 2 (|a| + |b|)^2
// covers what cancellation in a - b leaves.
std::string compare_reduce(const Problem& problem, const std::vector<Values>& expected,
                           const std::vector<Values>& actual) {
  const auto& op = std::get<Reduce>(problem.op());
  const std::size_t out = problem.position("out");
  if (op.kind == Kind::kMax) {
    // To some devices all denormals are equal.
    const auto is_denormal = [](double v) { return std::abs(v) < kTiny; };
    if (std::ranges::all_of(expected[out], is_denormal) && std::ranges::all_of(actual[out], is_denormal))
      return "";
    return compare_exactly("out", expected[out], actual[out]);
  }
  Problem terms = problem;
  if (op.kind == Kind::kSquaredDistance) {
    for (double& b : terms.at("b").values) b = -std::abs(b);
    for (double& a : terms.at("a").values) a = std::abs(a);
    for (double& o : terms.at("out").values) o = std::abs(o);
  }
  const auto magnitude = op.kind == Kind::kSquaredDistance ? reference_values(terms) : magnitudes(terms);
  const std::int64_t length = op.along == Along::kRows ? op.cols : op.rows;
  return compare_by_magnitude(problem, expected, actual, magnitude, sum_error(length + 1),
                              4 * kTiny * static_cast<double>(length + 1));
}

Case reduce(std::string detail, const Reduce& op, Data data = Data::kNormal, bool pad = false) {
  const auto make = [op, data, pad](std::uint64_t seed) {
    Problem p(op, seed);
    p.fill("a", data);
    if (op.b_rows > 0) p.fill("b", Data::kNormal);
    if (op.accumulate) p.fill("out", Data::kNormal, 10);
    if (pad) p.pad();
    return p;
  };
  const std::string along = op.along == Along::kRows ? "_rows_" : "_columns_";
  return {"reduce_" + std::string(kNames[static_cast<int>(op.kind)]) + along + std::move(detail), make,
          compare_reduce};
}

}  // namespace

std::vector<Case> reduce_cases() {
  constexpr std::int64_t kShapes[][2] = {{1, 1},   {1, 1000}, {1000, 1}, {31, 33}, {64, 128},
                                         {7, 257}, {997, 3},  {513, 65}, {3, 9001}};
  std::vector<Case> list;
  for (int i = 0; i < 5; ++i) {
    const auto kind = static_cast<Kind>(i);
    for (const Along along : {Along::kRows, Along::kColumns}) {
      for (const auto& [rows, cols] : kShapes) {
        const Reduce op{
            .kind = kind, .along = along, .rows = rows, .cols = cols, .b_rows = takes_b(kind) ? rows : 0};
        list.push_back(reduce(std::to_string(rows) + "x" + std::to_string(cols), op));
      }
      const Reduce op{.kind = kind, .along = along, .rows = 63, .cols = 65, .b_rows = takes_b(kind) ? 1 : 0};
      list.push_back(reduce("padded", op, Data::kNormal, true));
      for (const Data data : {Data::kInteger, Data::kEqual, Data::kZero, Data::kDenormal})
        list.push_back(reduce(std::string(name(data)), op, data));
      if (kind == Kind::kSum || kind == Kind::kMax) list.push_back(reduce("outlier", op, Data::kOutlier));
      if (kind == Kind::kMax) continue;
      Reduce more = op;
      more.accumulate = true;
      list.push_back(reduce("accumulate", more, Data::kNormal, true));
      more.rows = along == Along::kRows ? 3 : 0, more.cols = along == Along::kRows ? 0 : 3;
      if (!takes_b(kind)) list.push_back(reduce("nothing_accumulate", more));
    }
  }
  return list;
}

}  // namespace polysem::conformance
