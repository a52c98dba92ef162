#include <cmath>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/conformance/run_problem.hpp"

namespace polysem::conformance {

namespace {

// shift + scale * draw: two roundings, and a few more for a normal computed in f32.
std::string compare_random(const Problem& problem, const std::vector<Values>& expected,
                           const std::vector<Values>& actual) {
  const auto& op = std::get<RandomFill>(problem.op());
  const std::size_t out = problem.position("out");
  const double factor = (op.kind == RandomFill::Kind::kNormal ? 16 : 4) * kU;
  Values tolerance;
  for (const double value : expected[out])
    tolerance.push_back(factor * (std::abs(value - op.shift) + std::abs(op.scale) + std::abs(op.shift)));
  return compare_within("out", expected[out], actual[out], tolerance);
}

void add_fills(std::vector<Case>& list) {
  for (const DType type : {DType::kF32, DType::kBF16, DType::kF16, DType::kI32, DType::kU32}) {
    for (const auto& [rows, cols] : {std::pair{1, 1}, {1, 1000}, {33, 31}, {0, 4}}) {
      for (const bool pad : {false, true}) {
        const std::string detail = std::string(polysem::name(type)) + "_" + std::to_string(rows) + "x" +
                                   std::to_string(cols) + (pad ? "_padded" : "");
        const Fill op{rows, cols, type == DType::kU32 ? 7.0f : -2.5f};
        list.push_back(exact_case("fill_" + detail, [op, type, pad](std::uint64_t seed) {
          Problem p(op, seed);
          p.type("out", type);
          return pad ? p.pad() : p;
        }));
      }
    }
    list.push_back(
        exact_case("fill_" + std::string(polysem::name(type)) + "_zero", [type](std::uint64_t seed) {
          return Problem(Fill{65, 129, 0.0f}, seed).type("out", type).pad();
        }));
  }
}

void add_random(std::vector<Case>& list) {
  using Kind = RandomFill::Kind;
  for (const Kind kind : {Kind::kUniform, Kind::kNormal}) {
    const std::string base = kind == Kind::kUniform ? "random_fill_uniform_" : "random_fill_normal_";
    const auto add = [&](const std::string& detail, RandomFill op, bool pad) {
      op.kind = kind;
      list.push_back({base + detail,
                      [op, pad](std::uint64_t seed) {
                        Problem p(op, seed);
                        return pad ? p.pad() : p;
                      },
                      compare_random});
    };
    add("one", {.rows = 1, .cols = 1, .seed = 1}, false);
    add("wide", {.rows = 3, .cols = 1000, .seed = 0xfedcba9876543210u, .stream = RandomStream::kNoise},
        false);
    add("padded",
        {.rows = 33, .cols = 7, .scale = 0.02f, .shift = 3.0f, .seed = 5, .substream = 9, .first = 13}, true);
    add("far",
        {.rows = 2,
         .cols = 65,
         .scale = -1.0f,
         .seed = 6,
         .stream = RandomStream::kInitialisation,
         .first = (std::uint64_t{1} << 34) - 30},
        false);
  }
}

}  // namespace

std::vector<Case> fill_cases() {
  std::vector<Case> list;
  add_fills(list);
  add_random(list);
  return list;
}

}  // namespace polysem::conformance
