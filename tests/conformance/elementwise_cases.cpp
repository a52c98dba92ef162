#include <cmath>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/conformance/run_problem.hpp"

namespace polysem::conformance {

namespace {

using Kind = Elementwise::Kind;

constexpr std::string_view kNames[] = {"copy", "axpby", "mul", "relu", "sqrt", "silu_mul", "gate"};

bool takes_b(Kind kind) {
  return kind == Kind::kAxpby || kind == Kind::kMul || kind == Kind::kSiluMul || kind == Kind::kGate;
}

// A few roundings, in proportion to the terms of the sum; exp(-a) of silu has the rounding of a in its
// exponent. Near its zero the square root turns an error of its argument into the root of that error.
std::string compare_elementwise(const Problem& problem, const std::vector<Values>& expected,
                                const std::vector<Values>& actual) {
  const auto& op = std::get<Elementwise>(problem.op());
  const auto magnitude = magnitudes(problem);
  const std::size_t out = problem.position("out");
  Values tolerance;
  for (std::size_t i = 0; i < expected[out].size(); ++i) {
    double t = 4 * kU * magnitude[out][i] + 4 * kTiny;
    if (op.kind == Kind::kSiluMul)
      t = (16 + 4 * std::abs(problem.values("a")[i])) * kU * std::abs(expected[out][i]) + 4 * kTiny;
    if (op.kind == Kind::kSqrt) {
      const double m = magnitude[out][i], argument_error = 2 * kU * m * m + 4 * kTiny;
      t = 4 * kU * expected[out][i] + std::min(std::sqrt(argument_error), argument_error / expected[out][i]);
    }
    tolerance.push_back(t);
  }
  return compare_within("out", expected[out], actual[out],
                        with_storage(problem.at("out"), expected[out], tolerance));
}

struct Setup {
  Data a = Data::kNormal;
  DType a_type = DType::kF32, b_type = DType::kF32, out_type = DType::kF32;
  std::string_view in_place{};  // the operand that out lies upon
  bool pad = false;
};

Case elementwise(std::string detail, const Elementwise& op, const Setup& s = {}) {
  const auto make = [op, s](std::uint64_t seed) {
    Problem p(op, seed);
    p.type("a", s.a_type).fill("a", s.a, 2.0);
    if (op.b_rows > 0) p.type("b", s.b_type).fill("b", Data::kNormal);
    p.type("out", s.out_type);
    if (!s.in_place.empty()) p.in_place("out", s.in_place);
    if (s.pad) p.pad();
    return p;
  };
  return {"elementwise_" + std::move(detail), make, compare_elementwise};
}

Elementwise make_op(Kind kind, std::int64_t rows, std::int64_t cols) {
  const bool b = takes_b(kind);
  return {.kind = kind,
          .rows = rows,
          .cols = cols,
          .b_rows = b ? rows : 0,
          .b_cols = b ? cols : 0,
          .alpha = 0.75f,
          .beta = -1.25f};
}

void add_kinds(std::vector<Case>& list) {
  for (int i = 0; i < 7; ++i) {
    const auto kind = static_cast<Kind>(i);
    const std::string base(kNames[i]);
    for (const auto& [rows, cols] : {std::pair{1, 1}, {1, 1000}, {31, 33}, {65, 1}, {7, 129}})
      list.push_back(elementwise(base + "_" + std::to_string(rows) + "x" + std::to_string(cols),
                                 make_op(kind, rows, cols)));
    list.push_back(elementwise(base + "_padded", make_op(kind, 33, 7), {.pad = true}));
    list.push_back(elementwise(base + "_on_a", make_op(kind, 17, 63), {.in_place = "a", .pad = true}));
    list.push_back(elementwise(base + "_bf16", make_op(kind, 9, 127),
                               {.a_type = DType::kBF16, .b_type = DType::kBF16, .out_type = DType::kBF16}));
    list.push_back(elementwise(base + "_f16", make_op(kind, 9, 127),
                               {.a_type = DType::kF16, .b_type = DType::kF16, .out_type = DType::kF16}));
    list.push_back(elementwise(base + "_bf16_f32", make_op(kind, 9, 31), {.a_type = DType::kBF16}));
    list.push_back(
        elementwise(base + "_f32_bf16", make_op(kind, 9, 31), {.out_type = DType::kBF16, .pad = true}));
    for (const Data data : {Data::kZero, Data::kDenormal, Data::kInteger})
      list.push_back(elementwise(base + "_" + std::string(name(data)), make_op(kind, 5, 65), {.a = data}));
    if (!takes_b(kind)) continue;
    for (const bool row : {false, true}) {
      Elementwise spread = make_op(kind, 33, 31);
      (row ? spread.b_rows : spread.b_cols) = 1;
      list.push_back(elementwise(base + (row ? "_row" : "_column"), spread, {.pad = true}));
      list.push_back(elementwise(base + (row ? "_row_bf16_on_a" : "_column_bf16_on_a"), spread,
                                 {.a_type = DType::kBF16, .in_place = "a"}));
    }
    Elementwise one = make_op(kind, 33, 31);
    one.b_rows = one.b_cols = 1;
    list.push_back(elementwise(base + "_one", one));
    list.push_back(elementwise(base + "_on_b", make_op(kind, 17, 63), {.in_place = "b"}));
  }
}

// A copy is a cast: every bit counts, rounding to nearest even included.
void add_casts(std::vector<Case>& list) {
  constexpr DType kTypes[] = {DType::kF32, DType::kBF16, DType::kF16};
  for (const DType from : kTypes) {
    for (const DType to : kTypes) {
      const std::string detail = std::string(polysem::name(from)) + "_to_" + std::string(polysem::name(to));
      list.push_back(exact_case("elementwise_cast_" + detail, [from, to](std::uint64_t seed) {
        Problem p(Elementwise{.kind = Kind::kCopy, .rows = 65, .cols = 127}, seed);
        return p.type("a", from).fill("a", Data::kOutlier).type("out", to).pad();
      }));
    }
  }
}

// What is not a number passes through as it is.
void add_nonfinite(std::vector<Case>& list) {
  for (const Kind kind : {Kind::kCopy, Kind::kRelu}) {
    list.push_back(exact_case("elementwise_" + std::string(kNames[static_cast<int>(kind)]) + "_nonfinite",
                              [kind](std::uint64_t seed) {
                                Problem p(Elementwise{.kind = kind, .rows = 1, .cols = 6}, seed);
                                return p.set("a", {NAN, INFINITY, -INFINITY, 3e38, -3e38, 1});
                              }));
  }
  // A gate opens above 0 only: neither at a zero nor for what is not a number.
  list.push_back(exact_case("elementwise_gate_edges", [](std::uint64_t seed) {
    Problem p(
        Elementwise{
            .kind = Kind::kGate, .rows = 1, .cols = 8, .b_rows = 1, .b_cols = 8, .alpha = 2, .beta = 1},
        seed);
    p.set("a", {1, 2, 3, 4, 5, 6, NAN, INFINITY});
    return p.set("b", {0.0, -0.0, 1e-30, -1, NAN, INFINITY, 1, 1});
  }));
}

}  // namespace

std::vector<Case> elementwise_cases() {
  std::vector<Case> list;
  add_kinds(list);
  add_casts(list);
  add_nonfinite(list);
  list.push_back(elementwise("no_rows", make_op(Kind::kMul, 0, 5)));
  return list;
}

}  // namespace polysem::conformance
