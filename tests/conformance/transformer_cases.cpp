#include <cmath>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::string type_name(DType type) { return std::string(polysem::name(type)); }

// --- RmsNorm: a sum of positive terms, so its error is relative ---

std::string compare_rms_norm(const Problem& problem, const std::vector<Values>& expected,
                             const std::vector<Values>& actual) {
  const auto& op = std::get<RmsNorm>(problem.op());
  const std::size_t out = problem.position("out");
  Values tolerance;
  for (const double value : expected[out])
    tolerance.push_back(sum_error(op.cols) * std::abs(value) + 8 * kTiny / std::sqrt(double{op.epsilon}));
  return compare_within("out", expected[out], actual[out],
                        with_storage(problem.at("out"), expected[out], tolerance));
}

void add_rms_norms(std::vector<Case>& list) {
  struct Setup {
    DType x = DType::kF32, out = DType::kF32;
    bool weight = true, in_place = false, pad = false;
    Data data = Data::kNormal;
  };
  const auto add = [&](const std::string& detail, const RmsNorm& op, const Setup& s) {
    list.push_back({"rms_norm_" + detail,
                    [=](std::uint64_t seed) {
                      Problem p(op, seed);
                      p.type("x", s.x).fill("x", s.data, 3).type("out", s.out);
                      if (s.weight) p.fill("weight", Data::kNormal);
                      if (s.in_place) p.in_place("out", "x");
                      return s.pad ? p.pad() : p;
                    },
                    compare_rms_norm});
  };
  for (const auto& [rows, cols] : {std::pair{1, 1}, {3, 64}, {65, 31}, {7, 577}, {129, 33}, {0, 8}})
    for (const bool weight : {false, true})
      add(std::to_string(rows) + "x" + std::to_string(cols) + (weight ? "" : "_plain"), {rows, cols},
          {.weight = weight});
  for (const DType x : {DType::kF32, DType::kBF16})
    for (const DType out : {DType::kF32, DType::kBF16})
      add(type_name(x) + "_" + type_name(out), {17, 127, 1e-6f}, {.x = x, .out = out, .pad = true});
  add("in_place", {9, 65}, {.in_place = true});
  add("in_place_bf16", {9, 65}, {.x = DType::kBF16, .in_place = true, .pad = true});
  for (const Data data : {Data::kZero, Data::kDenormal, Data::kEqual})
    add(std::string(name(data)), {5, 63}, {.data = data});
}

// --- Rope: the angle in f32 carries errors in proportion to itself (its power of the base, its product) ---

std::string compare_rope(const Problem& problem, const std::vector<Values>& expected,
                         const std::vector<Values>& actual) {
  const auto& op = std::get<Rope>(problem.op());
  const Values &x = problem.values("x"), &positions = problem.values("positions");
  Values tolerance(x.size(), 0.0);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    for (std::int64_t head = 0; head < op.heads; ++head) {
      const std::int64_t base = (r * op.heads + head) * op.head_dim;
      for (std::int64_t i = 0; i < op.rotary / 2; ++i) {
        const std::size_t a = at(base + (op.interleaved ? 2 * i : i));
        const std::size_t b = a + at(op.interleaved ? 1 : op.rotary / 2);
        const double angle =
            positions[at(r)] * op.position_scale *
            std::pow(double{op.base}, -2.0 * static_cast<double>(i) / static_cast<double>(op.rotary));
        tolerance[a] = tolerance[b] = (16 * std::abs(angle) + 8) * kU * std::hypot(x[a], x[b]) + 4 * kTiny;
      }
    }
  }
  const std::size_t out = problem.position("x");
  if (problem.at("x").dtype == DType::kBF16)  // what does not turn stays as it is
    for (std::size_t i = 0; i < x.size(); ++i)
      if (tolerance[i] > 0)
        tolerance[i] += storage_rounding(DType::kBF16) * (std::abs(expected[out][i]) + tolerance[i]);
  return compare_within("x", expected[out], actual[out], tolerance);
}

void add_ropes(std::vector<Case>& list) {
  const auto add = [&](const std::string& detail, const Rope& op, DType type = DType::kF32,
                       bool pad = false) {
    list.push_back({"rope_" + detail + (op.interleaved ? "_interleaved" : "_halves"),
                    [=](std::uint64_t seed) {
                      Problem p(op, seed);
                      Values positions;
                      for (std::int64_t r = 0; r < op.rows; ++r)
                        positions.push_back(static_cast<double>(r % 5 == 4 ? 8191 : r * 3));
                      p.set("positions", positions).type("x", type).fill("x", Data::kNormal);
                      return pad ? p.pad() : p;
                    },
                    compare_rope});
  };
  for (const bool interleaved : {false, true}) {
    add("1x1x2", {1, 1, 2, 2, interleaved});
    add("7x9x64", {7, 9, 64, 64, interleaved, 100000.0f});
    add("33x3x32_part", {33, 3, 32, 12, interleaved}, DType::kF32, true);
    add("31x2x33_odd", {31, 2, 33, 32, interleaved});
    add("9x4x16_bf16", {9, 4, 16, 8, interleaved}, DType::kBF16, true);
    add("5x2x8_none", {5, 2, 8, 0, interleaved});
    add("no_rows", {0, 2, 8, 8, interleaved});
    add("scaled", {9, 3, 16, 16, interleaved, 10000.0f, 0.25f});
  }
}

}  // namespace

std::vector<Case> transformer_cases() {
  std::vector<Case> list;
  add_rms_norms(list);
  add_ropes(list);
  return list;
}

}  // namespace polysem::conformance
