#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/conformance/encode_precisions.hpp"
#include "tests/conformance/varying_codes.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

constexpr ListNames kNames{"values", "ids", "row_offsets"};

const EncodeBatchTopK& op_of(const Problem& problem) { return std::get<EncodeBatchTopK>(problem.op()); }

/// The comparison of a batch's ranking with the reference's.
class BatchCheck {
 public:
  BatchCheck(const Problem& problem, const std::vector<Values>& expected, const std::vector<Values>& actual)
      : problem_(problem),
        op_(op_of(problem)),
        pre_(pre_activations(problem, op_.precision)),
        want_(problem, expected, kNames),
        have_(problem, actual, kNames),
        threshold_(actual[problem.position("threshold")][0]) {
    for (std::int64_t r = 0; r < op_.rows; ++r) finite_.push_back(finite_row(pre_, r, op_.latents));
    // The value of rank `total`; 0 where not so many are positive.
    for (std::int64_t r = 0; r < op_.rows; ++r)
      for (std::int64_t e = want_.begin(r); e < want_.end(r); ++e)
        cut_ = std::min(cut_, rank(r, want_.latent(e)));
    if (want_.count() < op_.total) cut_ = 0;
    // How far the cut itself may move: by the error of what may lie on either side of it.
    for (std::int64_t r = 0; r < op_.rows; ++r)
      for (std::int64_t j = 0; finite_[at(r)] && j < op_.latents; ++j)
        if (std::abs(rank(r, j) - cut_) <= slack(r, j)) cut_slack_ = std::max(cut_slack_, slack(r, j));
  }

  std::string check() const {
    std::string found = have_.damage(op_.latents);
    if (!found.empty()) return found;
    if (have_.count() > op_.total) return "more entries than `total`\n";
    if (have_.count() < op_.total && want_.count() == op_.total && cut_ > 4 * cut_slack_)
      return "fewer entries than `total`\n";
    double smallest = INFINITY;
    for (std::int64_t r = 0; r < op_.rows && found.empty(); ++r) found = check_row(r, smallest);
    if (!found.empty()) return found;
    if (have_.count() == 0) smallest = 0;
    if (!(std::abs(threshold_ - smallest) <= 4 * kU * smallest + kTiny))
      return "threshold: expected " + std::to_string(smallest) + ", found " + std::to_string(threshold_) +
             "\n";
    return "";
  }

 private:
  std::size_t index(std::int64_t r, std::int64_t j) const { return at(r * op_.latents + j); }
  double scale(std::int64_t j) const {
    return problem_.at("scale").present ? problem_.values("scale")[at(j)] : 1.0;
  }
  double rank(std::int64_t r, std::int64_t j) const { return scale(j) * pre_.h[index(r, j)]; }
  double slack(std::int64_t r, std::int64_t j) const {
    return std::abs(scale(j)) * (pre_.tolerance[index(r, j)] + 2 * kU * std::abs(pre_.h[index(r, j)]));
  }
  bool near(std::int64_t r, std::int64_t j) const {
    return std::abs(rank(r, j) - cut_) <= slack(r, j) + cut_slack_;
  }

  std::string check_row(std::int64_t r, double& smallest) const {
    const auto wanted = want_.latents_of(r), chosen = have_.latents_of(r);
    if (!finite_[at(r)])
      return chosen.empty() ? "" : describe_entry(r, *chosen.begin(), "in a row with NaN or infinity");
    for (std::int64_t e = have_.begin(r); e < have_.end(r); ++e) {
      const std::int64_t j = have_.latent(e);
      if (!(std::abs(have_.value(e) - pre_.h[index(r, j)]) <= pre_.tolerance[index(r, j)]) ||
          !(have_.value(e) > 0))
        return describe_entry(r, j, "has a wrong value");
      smallest = std::min(smallest, scale(j) * have_.value(e));
      if (!wanted.contains(j) && !near(r, j)) return describe_entry(r, j, "was chosen");
    }
    for (const std::int64_t j : wanted)
      if (!chosen.contains(j) && !near(r, j)) return describe_entry(r, j, "was not chosen");
    return "";
  }

  const Problem& problem_;
  const EncodeBatchTopK& op_;
  PreActivations pre_;
  VaryingCodes want_, have_;
  double threshold_, cut_ = INFINITY, cut_slack_ = 0;
  std::vector<bool> finite_;
};

std::string compare(const Problem& problem, const std::vector<Values>& expected,
                    const std::vector<Values>& actual) {
  const std::size_t counter = problem.position("nonfinite");
  return BatchCheck(problem, expected, actual).check() +
         compare_exactly("nonfinite", expected[counter], actual[counter]);
}

std::string compare_equal(const Problem& problem, const std::vector<Values>& expected,
                          const std::vector<Values>& actual) {
  std::string found =
      compare_lists_exactly(VaryingCodes(problem, expected, kNames), VaryingCodes(problem, actual, kNames));
  for (const char* operand : {"threshold", "nonfinite"}) {
    const std::size_t i = problem.position(operand);
    found += compare_exactly(operand, expected[i], actual[i]);
  }
  return found;
}

struct Setup {
  Data x = Data::kNormal, w = Data::kNormal;
  double bias = 0.1;
  DType x_type = DType::kF32, w_type = DType::kF32;
  bool scale = false, pad = false;
};

Problem make_problem(const EncodeBatchTopK& op, const Setup& s, std::uint64_t seed) {
  Problem p(op, seed);
  p.type("x", s.x_type).fill("x", s.x).type("w_enc", s.w_type).fill("w_enc", s.w);
  if (s.bias != 0) p.fill("b_enc", s.w == Data::kInteger ? Data::kInteger : Data::kNormal, s.bias);
  if (s.scale) {  // powers of two, so that ranks of exact pre-activations are exact
    Values scale;
    for (std::int64_t j = 0; j < op.latents; ++j)
      scale.push_back(std::ldexp(1.0, static_cast<int>((j + j / 5) % 4) - 2));
    p.set("scale", scale);
  }
  p.set("nonfinite", {41});
  return s.pad ? p.pad() : p;
}

Case encode(std::string detail, const EncodeBatchTopK& op, const Setup& s = {}) {
  return {"encode_batch_topk_" + std::move(detail),
          [=](std::uint64_t seed) { return make_problem(op, s, seed); }, compare};
}

Case exact_case_of(std::string detail, std::function<Problem(std::uint64_t)> make) {
  return {"encode_batch_topk_exact_" + std::move(detail), std::move(make), compare_equal, true};
}

// Integer inputs: ranks are exact, and there are many ties at the cut.
Case exact_encode(std::string detail, const EncodeBatchTopK& op, Setup s = {}) {
  s.x = s.w = Data::kInteger;
  s.bias = 1;
  return exact_case_of(std::move(detail), [=](std::uint64_t seed) { return make_problem(op, s, seed); });
}

std::string describe(const EncodeBatchTopK& op) {
  return std::to_string(op.rows) + "x" + std::to_string(op.d_in) + "x" + std::to_string(op.latents) + "_of" +
         std::to_string(op.total);
}

void add_shapes(std::vector<Case>& list) {
  const EncodeBatchTopK kShapes[] = {
      {1, 1, 1, 1},        {1, 7, 31, 31},     {3, 2, 33, 1},      {2, 64, 127, 16},  {7, 33, 64, 448},
      {31, 31, 65, 155},   {33, 65, 129, 999}, {65, 63, 1000, 65}, {1, 129, 997, 40}, {300, 40, 300, 6000},
      {127, 16, 257, 381}, {5, 1000, 100, 45}, {9, 8, 4099, 1800}, {130, 77, 700, 7}, {260, 12, 90, 23000}};
  for (const EncodeBatchTopK& shape : kShapes) {
    list.push_back(encode(describe(shape), shape));
    list.push_back(exact_encode(describe(shape), shape, {.pad = true}));
    list.push_back(exact_encode(describe(shape) + "_scale", shape, {.scale = true}));
  }
  // All there is, as much as there could be, one, none.
  for (const std::int64_t total : {0, 1, 2, 33 * 40 / 2, 33 * 40 - 1, 33 * 40}) {
    const EncodeBatchTopK op{33, 9, 40, total};
    list.push_back(encode("total_" + describe(op), op, {.pad = true}));
    list.push_back(exact_encode("total_" + describe(op), op));
  }
  list.push_back(encode("no_rows", {0, 8, 16, 0}));
  list.push_back(encode("no_latents", {4, 8, 0, 0}));
}

void add_precisions(std::vector<Case>& list) {
  const EncodeBatchTopK op{33, 65, 257, 500};
  add_encode_precisions(list, op, Setup{}, Setup{}, encode, exact_encode);
}

void add_data(std::vector<Case>& list) {
  const EncodeBatchTopK op{65, 33, 129, 700};
  list.push_back(encode("scale", op, {.scale = true}));
  list.push_back(encode("zero", op, {.x = Data::kZero, .bias = 0}));
  list.push_back(encode("zero_bias_chooses", op, {.x = Data::kZero, .bias = 1}));
  list.push_back(encode("denormal", op, {.x = Data::kDenormal, .bias = 0}));
  list.push_back(encode("outlier_x", op, {.x = Data::kOutlier}));
  list.push_back(encode("outlier_w", op, {.w = Data::kOutlier}));
  // Every rank ties: the lowest rows win, in the last of them the lowest latents.
  list.push_back(exact_case_of("all_equal", [op](std::uint64_t seed) {
    return make_problem(op, {.x = Data::kEqual, .w = Data::kEqual, .bias = 0}, seed);
  }));
  list.push_back(exact_case_of("all_negative", [op](std::uint64_t seed) {
    Problem p = make_problem(op, {.x = Data::kInteger, .w = Data::kInteger, .bias = 1}, seed);
    Values bias = p.values("b_enc");
    for (double& b : bias) b -= 1000;
    return p.set("b_enc", bias);
  }));
  list.push_back(exact_case_of("few_positive", [op](std::uint64_t seed) {
    Problem p = make_problem(op, {.x = Data::kZero, .w = Data::kInteger, .bias = 0}, seed);
    Values bias(at(op.latents), -1.0);
    bias[3] = bias[77] = 2;
    return p.set("b_enc", bias);
  }));
}

// h = row factor * latent factor: where in the batch the best are is chosen at will.
void add_orders(std::vector<Case>& list) {
  using Factor = std::function<double(std::int64_t)>;
  struct Order {
    const char* name;
    Factor row, latent;
  };
  const Order kOrders[] = {
      {"ascending", [](std::int64_t r) { return r + 1.0; }, [](std::int64_t j) { return j + 1.0; }},
      {"descending", [](std::int64_t r) { return 400.0 - static_cast<double>(r); },
       [](std::int64_t j) { return 2000.0 - static_cast<double>(j); }},
      {"one_row_has_all", [](std::int64_t r) { return r == 17 ? 100.0 : 0.0; },
       [](std::int64_t j) { return j % 50 + 1.0; }},
      {"last_row_is_best", [](std::int64_t r) { return r > 60 ? 9.0 : 1.0; },
       [](std::int64_t) { return 1.0; }},
      {"blocks", [](std::int64_t r) { return static_cast<double>(r / 32 + 1); },
       [](std::int64_t j) { return static_cast<double>(j / 100 + 1); }},
      {"signs", [](std::int64_t r) { return r % 2 == 0 ? 1.0 : -1.0; },
       [](std::int64_t j) {
         return j % 3 == 0 ? -static_cast<double>(j % 11) : static_cast<double>(j % 7);
       }}};
  for (const Order& order : kOrders) {
    for (const EncodeBatchTopK& op : {EncodeBatchTopK{70, 1, 1201, 7}, EncodeBatchTopK{70, 1, 1201, 1500},
                                      EncodeBatchTopK{300, 1, 130, 9000}}) {
      list.push_back(exact_case_of(std::string(order.name) + "_" + describe(op), [=](std::uint64_t seed) {
        Problem p(op, seed);
        Values x, w;
        for (std::int64_t r = 0; r < op.rows; ++r) x.push_back(order.row(r));
        for (std::int64_t j = 0; j < op.latents; ++j) w.push_back(order.latent(j));
        return p.set("x", x).set("w_enc", w).set("nonfinite", {0});
      }));
    }
  }
}

void add_nonfinite(std::vector<Case>& list) {
  const EncodeBatchTopK op{20, 33, 100, 140};
  for (const double bad : {double{NAN}, double{INFINITY}, -double{INFINITY}}) {
    const std::string detail = std::isnan(bad) ? "nan" : bad > 0 ? "inf" : "minus_inf";
    for (const bool counted : {true, false}) {
      list.push_back(encode("nonfinite_" + detail + (counted ? "" : "_uncounted"), op));
      list.back().make = [=](std::uint64_t seed) {
        Problem p = make_problem(op, {}, seed);
        Values x = p.values("x");
        for (const std::size_t row : {0u, 7u, 8u, 19u}) x[row * 33 + 5 * row % 33] = bad;
        if (!counted) p.at("nonfinite").present = false;
        return p.set("x", x);
      };
    }
  }
  list.push_back(encode("nonfinite_every_row", op));
  list.back().make = [=](std::uint64_t seed) {
    Problem p = make_problem(op, {}, seed);
    Values bias = p.values("b_enc");
    bias[99] = NAN;
    return p.set("b_enc", bias);
  };
  for (const std::int64_t place : {0, 33, 255, 256, 1500}) {  // in one latent only
    const EncodeBatchTopK wide{70, 3, 1501, 300};
    list.push_back(encode("nonfinite_latent" + std::to_string(place), wide));
    list.back().make = [=](std::uint64_t seed) {
      Problem p = make_problem(wide, {}, seed);
      Values x = p.values("x"), w = p.values("w_enc"), bias = p.values("b_enc");
      for (std::size_t r = 0; r < x.size() / 3; ++r) x[3 * r + 1] = r % 3 == 1 ? 1e-9 : 1.0;
      w[at(3 * place + 1)] = bias[at(place)] = 3e38;  // overflows where its input is 1
      return p.set("x", x).set("w_enc", w).set("b_enc", bias);
    };
  }
}

}  // namespace

std::vector<Case> encode_batch_topk_cases() {
  std::vector<Case> list;
  add_shapes(list);
  add_precisions(list);
  add_data(list);
  add_orders(list);
  add_nonfinite(list);
  return list;
}

}  // namespace polysem::conformance
