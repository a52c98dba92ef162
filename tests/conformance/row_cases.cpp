#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/conformance/run_problem.hpp"

namespace polysem::conformance {

namespace {

// Distinct ids in a scrambled order, with some outside the table.
Values scrambled_ids(std::int64_t count, std::int64_t table_rows) {
  Values ids;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t id = (i * 7 + 3) % std::max<std::int64_t>(table_rows, 1);
    const bool foreign =
        i % 5 == 4 || std::ranges::find(ids, static_cast<double>(id)) != ids.end() || table_rows == 0;
    ids.push_back(static_cast<double>(foreign ? (i % 2 == 0 ? -1 - i : table_rows + i % 3) : id));
  }
  return ids;
}

void add_moves(std::vector<Case>& list) {
  constexpr std::int64_t kShapes[][3] = {{1, 1, 1},       {7, 33, 5}, {65, 31, 128},
                                         {33, 129, 1000}, {4, 8, 0},  {0, 8, 3}};
  for (const auto& [rows, cols, table] : kShapes) {
    constexpr DType kTypes[] = {DType::kF32, DType::kBF16, DType::kF16};
    for (const DType from : kTypes) {
      for (const DType to : kTypes) {
        if ((from == DType::kF16 || to == DType::kF16) && rows != 7) continue;  // one shape is enough
        const std::string detail = std::to_string(rows) + "x" + std::to_string(cols) + "of" +
                                   std::to_string(table) + "_" + std::string(polysem::name(from)) + "_" +
                                   std::string(polysem::name(to));
        const GatherRows gather{rows, cols, table};
        const ScatterRows scatter{rows, cols, table};
        const bool pad = rows % 2 == 1;
        list.push_back(exact_case("gather_rows_" + detail, [=](std::uint64_t seed) {
          Problem p(gather, seed);
          p.type("table", from).fill("table", Data::kOutlier).type("out", to);
          p.set("ids", scrambled_ids(gather.rows, gather.table_rows));
          return pad ? p.pad() : p;
        }));
        list.push_back(exact_case("scatter_rows_" + detail, [=](std::uint64_t seed) {
          Problem p(scatter, seed);
          p.type("source", from).fill("source", Data::kNormal).type("table", to).fill("table", Data::kNormal);
          p.set("ids", scrambled_ids(scatter.rows, scatter.table_rows));
          return pad ? p.pad() : p;
        }));
      }
    }
  }
  list.push_back(exact_case("gather_rows_repeated", [](std::uint64_t seed) {
    Problem p(GatherRows{40, 17, 3}, seed);
    Values ids(40);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<double>(i % 2);
    return p.fill("table", Data::kNormal).set("ids", ids);
  }));
}

// g - (g . w) w: the dot product's error, times |w|.
std::string compare_project(const Problem& problem, const std::vector<Values>& expected,
                            const std::vector<Values>& actual) {
  const auto& op = std::get<ProjectRows>(problem.op());
  const Values &w = problem.values("direction"), &g = problem.values("gradient");
  Values tolerance;
  for (std::int64_t r = 0; r < op.rows; ++r) {
    double magnitude = 0;
    for (std::int64_t c = 0; c < op.cols; ++c) {
      const auto i = static_cast<std::size_t>(r * op.cols + c);
      magnitude += std::abs(w[i] * g[i]);
    }
    for (std::int64_t c = 0; c < op.cols; ++c) {
      const auto i = static_cast<std::size_t>(r * op.cols + c);
      tolerance.push_back(sum_error(op.cols) * (magnitude * std::abs(w[i]) + std::abs(g[i])) + 8 * kTiny);
    }
  }
  const std::size_t out = problem.position("gradient");
  return compare_within("gradient", expected[out], actual[out], tolerance);
}

// All terms of the length are positive, so its relative error is that of the sum.
std::string compare_normalize(const Problem& problem, const std::vector<Values>& expected,
                              const std::vector<Values>& actual) {
  const auto& op = std::get<NormalizeRows>(problem.op());
  Values tolerance;
  for (const double value : expected[0])
    tolerance.push_back(sum_error(op.cols) * std::abs(value) + 4 * kTiny);
  return compare_within("matrix", expected[0], actual[0], tolerance);
}

Values unit_rows(Values values, std::int64_t cols) {
  for (std::size_t first = 0; first < values.size(); first += static_cast<std::size_t>(cols)) {
    double squares = 0;
    for (std::int64_t c = 0; c < cols; ++c)
      squares += std::pow(values[first + static_cast<std::size_t>(c)], 2);
    for (std::int64_t c = 0; c < cols; ++c) values[first + static_cast<std::size_t>(c)] /= std::sqrt(squares);
  }
  return values;
}

void add_unit_rows(std::vector<Case>& list) {
  for (const auto& [rows, cols] : {std::pair{1, 1}, {3, 64}, {65, 33}, {2, 1000}, {129, 7}, {0, 3}}) {
    for (const bool pad : {false, true}) {
      const std::string detail = std::to_string(rows) + "x" + std::to_string(cols) + (pad ? "_padded" : "");
      const ProjectRows project{rows, cols};
      const NormalizeRows normalize{rows, cols};
      list.push_back({"project_rows_" + detail,
                      [=](std::uint64_t seed) {
                        Problem p(project, seed);
                        p.fill("direction", Data::kNormal).fill("gradient", Data::kNormal, 3);
                        p.set("direction", unit_rows(p.values("direction"), project.cols));
                        return pad ? p.pad() : p;
                      },
                      compare_project});
      list.push_back({"normalize_rows_" + detail,
                      [=](std::uint64_t seed) {
                        Problem p(normalize, seed);
                        p.fill("matrix", Data::kNormal, 1e-5);
                        return pad ? p.pad() : p;
                      },
                      compare_normalize});
    }
  }
  list.push_back({"normalize_rows_zero_rows",
                  [](std::uint64_t seed) {
                    Problem p(NormalizeRows{4, 33}, seed);
                    p.fill("matrix", Data::kNormal);
                    Values values = p.values("matrix");
                    std::fill(values.begin() + 33, values.begin() + 99, 0.0);
                    return p.set("matrix", values);
                  },
                  compare_normalize});
}

}  // namespace

std::vector<Case> row_cases() {
  std::vector<Case> list;
  add_moves(list);
  add_unit_rows(list);
  return list;
}

}  // namespace polysem::conformance
