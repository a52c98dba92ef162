#include <algorithm>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/conformance/run_problem.hpp"

namespace polysem::conformance {

namespace {

struct Setup {
  Data a = Data::kNormal, b = Data::kNormal;
  DType a_type = DType::kF32, b_type = DType::kF32, c_type = DType::kF32;
  bool bias = false, pad = false, frozen = false;
};

// A backend may round the inputs of products or not: two roundings a product where they change anything.
std::string compare_gemm(const Problem& problem, const std::vector<Values>& expected,
                         const std::vector<Values>& actual) {
  const auto& op = std::get<Gemm>(problem.op());
  const bool change = inputs_change(op.precision, problem.values("a"), problem.values("b"));
  const double factor = sum_error(op.k) + (change ? 2.1 * input_spread(op.precision) : 0);
  const double floor = 8 * kTiny * static_cast<double>(op.k + 2);
  const auto magnitude = magnitudes(problem);
  std::string found = compare_by_magnitude(problem, expected, actual, magnitude, factor, floor);
  const std::size_t c = problem.position("c");
  const bool normal = !magnitude[c].empty() && magnitude[c].front() > 1e-30;
  if (!change && problem.at("c").dtype == DType::kF32 && normal)
    found += compare_nmse("c", expected[c], actual[c], 1e-11);
  return found;
}

Case gemm(std::string detail, const Gemm& op, const Setup& s = {}) {
  const auto make = [op, s](std::uint64_t seed) {
    Problem p(op, seed);
    p.type("a", s.a_type).type("b", s.b_type).type("c", s.c_type);
    p.fill("a", s.a).fill("b", s.b);
    if (op.beta != 0.0f) p.fill("c", Data::kNormal);
    if (s.bias) p.fill("bias", Data::kNormal);
    if (s.pad) p.pad();
    if (s.frozen) p.frozen("b");
    return p;
  };
  return {"gemm_" + std::move(detail), make, compare_gemm};
}

std::string size_name(std::int64_t m, std::int64_t n, std::int64_t k) {
  return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
}

void add_shapes(std::vector<Case>& list) {
  constexpr std::int64_t kShapes[][3] = {
      {1, 1, 1},      {1, 64, 7},     {2, 3, 31},   {7, 1, 33},     {3, 129, 2},  {32, 32, 32},
      {63, 65, 127},  {64, 64, 64},   {65, 63, 1},  {128, 127, 31}, {33, 2, 128}, {5, 7, 1000},
      {97, 101, 103}, {1, 1000, 129}, {257, 9, 64}, {300, 520, 33}, {2, 700, 65}};
  for (const auto& [m, n, k] : kShapes) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        const std::string form = std::string(ta ? "_t" : "_n") + (tb ? "t" : "n");
        list.push_back(
            gemm(size_name(m, n, k) + form, {.m = m, .n = n, .k = k, .transpose_a = ta, .transpose_b = tb}));
      }
    }
  }
}

void add_epilogues(std::vector<Case>& list) {
  const Gemm op{.m = 33, .n = 65, .k = 31, .transpose_b = true};
  for (const bool bias : {false, true}) {
    for (const bool relu : {false, true}) {
      Gemm with = op;
      with.relu = relu, with.alpha = 0.5f;
      for (const float beta : {0.0f, -1.5f}) {
        with.beta = beta;
        const std::string detail =
            std::string(bias ? "_bias" : "") + (relu ? "_relu" : "") + (beta != 0 ? "_beta" : "");
        list.push_back(gemm("epilogue" + detail, with, {.bias = bias, .pad = true}));
      }
    }
  }
  Gemm nothing = op;
  nothing.alpha = 0.0f, nothing.beta = 1.0f;
  list.push_back(gemm("alpha0_beta1", nothing));
}

void add_batches(std::vector<Case>& list) {
  for (const bool shared : {false, true}) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        const std::string form =
            std::string(shared ? "shared" : "batch") + (ta ? "_t" : "_n") + (tb ? "t" : "n");
        list.push_back(gemm(form,
                            {.m = 7,
                             .n = 33,
                             .k = 5,
                             .batch = 6,
                             .transpose_a = ta,
                             .transpose_b = tb,
                             .shared_b = shared,
                             .relu = true},
                            {.bias = true, .pad = true}));
      }
    }
  }
  list.push_back(gemm("batch_beta_bf16", {.m = 3, .n = 8, .k = 16, .batch = 4, .beta = 1.0f},
                      {.a_type = DType::kBF16, .b_type = DType::kBF16, .c_type = DType::kBF16}));
  list.push_back(gemm("batch_beta_f16", {.m = 3, .n = 8, .k = 16, .batch = 4, .beta = 1.0f},
                      {.a_type = DType::kF16, .b_type = DType::kF16, .c_type = DType::kF16}));
}

void add_types(std::vector<Case>& list) {
  constexpr DType kF32 = DType::kF32;
  for (const Precision low : {Precision::kBF16, Precision::kF16}) {
    const DType type = storage_type(low);
    for (const DType a : {kF32, type}) {
      for (const DType b : {kF32, type}) {
        for (const DType c : {kF32, type}) {
          for (const Precision precision : {Precision::kF32, low}) {
            const bool all_f32 = a == kF32 && b == kF32 && c == kF32 && precision == Precision::kF32;
            if (all_f32 && low != Precision::kBF16) continue;  // there already
            const std::string detail = std::string("types_") + std::string(polysem::name(a)) + "_" +
                                       std::string(polysem::name(b)) + "_" + std::string(polysem::name(c)) +
                                       (precision == Precision::kF32 ? "" : "_" + std::string(name(low)));
            list.push_back(gemm(
                detail,
                {.m = 31, .n = 64, .k = 65, .transpose_b = true, .beta = 0.5f, .precision = precision},
                {.a = Data::kBf16, .b = Data::kBf16, .a_type = a, .b_type = b, .c_type = c, .bias = true}));
          }
        }
      }
    }
  }
  list.push_back(gemm("types_bf16_f16_f32", {.m = 31, .n = 64, .k = 65, .transpose_b = true},
                      {.a_type = DType::kBF16, .b_type = DType::kF16}));
  for (const Precision low : {Precision::kTF32, Precision::kBF16, Precision::kF16}) {
    const std::string base = std::string(name(low)) + "_of_f32";
    list.push_back(gemm(base, {.m = 33, .n = 31, .k = 127, .transpose_b = true, .precision = low}));
    list.push_back(gemm(base + "_nn", {.m = 33, .n = 31, .k = 127, .precision = low}, {.pad = true}));
    list.push_back(gemm(base + "_tn", {.m = 70, .n = 64, .k = 40, .transpose_a = true, .precision = low}));
  }
}

void add_data(std::vector<Case>& list) {
  for (const Data data : {Data::kInteger, Data::kEqual, Data::kZero, Data::kDenormal, Data::kOutlier}) {
    for (const Precision precision : kPrecisions) {
      const bool low = precision != Precision::kF32;
      if (low && data != Data::kInteger && data != Data::kZero) continue;
      const Gemm op{.m = 65, .n = 33, .k = 63, .transpose_b = true, .precision = precision};
      Setup s{.a = data};
      if (data == Data::kInteger) s.b = data;
      if (low && data == Data::kZero) s.b = Data::kBf16;
      list.push_back(
          gemm("data_" + std::string(name(data)) + (low ? "_" + std::string(name(precision)) : ""), op, s));
    }
  }
}

// Weights of a frozen model: few rows, many rows that divide evenly or not, results with gaps and sums.
void add_frozen(std::vector<Case>& list) {
  constexpr std::int64_t kShapes[][3] = {{1, 64, 33},    {105, 192, 64}, {256, 64, 16},
                                         {300, 192, 48}, {1025, 65, 33}, {2049, 128, 31}};
  for (const auto& [m, n, k] : kShapes) {
    for (const bool tb : {false, true}) {
      const Gemm op{.m = m, .n = n, .k = k, .transpose_b = tb};
      const std::string detail = "frozen_" + size_name(m, n, k) + (tb ? "_nt" : "_nn");
      list.push_back(gemm(detail, op, {.frozen = true}));
      list.push_back(gemm(detail + "_gaps", op, {.pad = true, .frozen = true}));
      Gemm sum = op;
      sum.beta = 1.0f;
      list.push_back(gemm(detail + "_sum", sum, {.frozen = true}));
    }
  }
  Gemm low{.m = 300, .n = 192, .k = 48, .transpose_b = true, .precision = Precision::kBF16};
  for (const DType a : {DType::kF32, DType::kBF16}) {
    for (const DType c : {DType::kF32, DType::kBF16}) {
      const std::string detail =
          "frozen_low_" + std::string(polysem::name(a)) + "_" + std::string(polysem::name(c));
      Setup s{.a = Data::kBf16,
              .b = Data::kBf16,
              .a_type = a,
              .b_type = DType::kBF16,
              .c_type = c,
              .frozen = true};
      low.beta = 0.0f;
      list.push_back(gemm(detail, low, s));
      low.beta = 1.0f;
      list.push_back(gemm(detail + "_sum", low, s));
    }
  }
  list.push_back(gemm("frozen_shared",
                      {.m = 100, .n = 64, .k = 20, .batch = 3, .transpose_b = true, .shared_b = true},
                      {.frozen = true}));
}

void add_empty(std::vector<Case>& list) {
  list.push_back(gemm("no_terms", {.m = 3, .n = 5, .k = 0}, {.bias = true}));
  list.push_back(gemm("no_terms_beta", {.m = 3, .n = 5, .k = 0, .beta = 2.0f}));
  list.push_back(gemm("no_rows", {.m = 0, .n = 5, .k = 4}));
}

}  // namespace

std::vector<Case> gemm_cases() {
  std::vector<Case> list;
  add_shapes(list);
  add_epilogues(list);
  add_batches(list);
  add_types(list);
  add_data(list);
  add_frozen(list);
  add_empty(list);
  return list;
}

}  // namespace polysem::conformance
