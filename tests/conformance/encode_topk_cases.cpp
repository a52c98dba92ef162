#include <cmath>
#include <functional>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/encode_precisions.hpp"
#include "tests/conformance/encode_topk_compare.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

struct Setup {
  Data x = Data::kNormal, w = Data::kNormal;
  double bias = 0.1;
  DType x_type = DType::kF32, w_type = DType::kF32;
  bool scale = false, pad = false;
};

Values spread_candidates(std::int64_t count, std::int64_t latents) {
  Values ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(static_cast<double>(i * latents / count));
  return ids;
}

Problem make_problem(const EncodeTopK& op, const Setup& s, std::uint64_t seed) {
  Problem p(op, seed);
  p.type("x", s.x_type).fill("x", s.x).type("w_enc", s.w_type).fill("w_enc", s.w);
  if (s.bias != 0) p.fill("b_enc", s.w == Data::kInteger ? Data::kInteger : Data::kNormal, s.bias);
  if (s.scale) {  // powers of two, so that ranks of exact pre-activations are exact
    Values scale;
    for (std::int64_t j = 0; j < op.latents; ++j)
      scale.push_back(std::ldexp(1.0, static_cast<int>((j + j / 5) % 4) - 2));
    p.set("scale", scale);
  }
  if (op.candidates > 0) p.set("candidates", spread_candidates(op.candidates, op.latents));
  p.set("nonfinite", {41});
  return s.pad ? p.pad() : p;
}

Case encode(std::string detail, const EncodeTopK& op, const Setup& s = {}) {
  return {"encode_topk_" + std::move(detail), [=](std::uint64_t seed) { return make_problem(op, s, seed); },
          compare_encode_topk};
}

// Integer inputs: products, sums and ranks are exact, so the choice is, ties included.
Case exact_encode(std::string detail, const EncodeTopK& op, Setup s = {}) {
  s.x = s.w = Data::kInteger;
  s.bias = 1;
  return exact_case("encode_topk_exact_" + std::move(detail),
                    [=](std::uint64_t seed) { return make_problem(op, s, seed); });
}

std::string describe(const EncodeTopK& op) {
  return std::to_string(op.rows) + "x" + std::to_string(op.d_in) + "x" + std::to_string(op.latents) + "_k" +
         std::to_string(op.k) + (op.candidates > 0 ? "_of" + std::to_string(op.candidates) : "") +
         (op.precision == Precision::kF32 ? "" : "_" + std::string(name(op.precision)));
}

// k = 1, k = n, k above the number of groups of 32 latents, n below a group and no multiple of one, one row,
// rows that are no multiple of a block.
void add_shapes(std::vector<Case>& list) {
  const EncodeTopK kShapes[] = {{1, 1, 1, 1},      {1, 7, 31, 31},     {3, 2, 33, 1},     {2, 64, 127, 8},
                                {7, 33, 64, 64},   {31, 31, 65, 5},    {33, 65, 129, 32}, {65, 63, 1000, 16},
                                {1, 129, 997, 40}, {300, 40, 700, 20}, {127, 16, 257, 3}, {5, 1000, 100, 9},
                                {64, 64, 512, 32}, {17, 77, 2048, 64}, {9, 8, 4099, 200}, {4, 32, 1000, 900}};
  for (const EncodeTopK& shape : kShapes) {
    list.push_back(encode(describe(shape), shape));
    list.push_back(exact_encode(describe(shape), shape, {.pad = true}));
  }
  const EncodeTopK kCandidates[] = {
      {33, 17, 128, 4, 64}, {5, 64, 1000, 8, 8}, {64, 31, 257, 1, 1}, {19, 33, 2048, 32, 500}};
  for (const EncodeTopK& shape : kCandidates) {
    list.push_back(encode(describe(shape), shape, {.pad = true}));
    list.push_back(exact_encode(describe(shape), shape));
    list.push_back(exact_encode(describe(shape) + "_scale", shape, {.scale = true}));
  }
  list.push_back(encode("no_rows", {0, 8, 16, 4}));
}

void add_precisions(std::vector<Case>& list) {
  const EncodeTopK op{33, 65, 257, 16};
  add_encode_precisions(list, op, Setup{}, Setup{}, encode, exact_encode);
}

void add_data(std::vector<Case>& list) {
  const EncodeTopK op{65, 33, 129, 12};
  list.push_back(encode("scale", op, {.scale = true}));
  list.push_back(exact_encode("scale", op, {.scale = true}));
  list.push_back(encode("all_equal", op, {.x = Data::kEqual, .w = Data::kEqual, .bias = 0}));
  list.push_back(encode("zero", op, {.x = Data::kZero, .bias = 0}));
  list.push_back(encode("zero_bias_chooses", op, {.x = Data::kZero, .bias = 1}));
  list.push_back(encode("denormal", op, {.x = Data::kDenormal, .bias = 0}));
  list.push_back(encode("outlier_x", op, {.x = Data::kOutlier}));
  list.push_back(encode("outlier_w", op, {.w = Data::kOutlier}));
  // All equal: every rank ties, so the lowest latents win; products of 1.5 are exact.
  list.push_back(exact_case("encode_topk_exact_all_equal", [op](std::uint64_t seed) {
    return make_problem(op, {.x = Data::kEqual, .w = Data::kEqual, .bias = 0}, seed);
  }));
  list.push_back(exact_case("encode_topk_exact_signed_zeros", [op](std::uint64_t seed) {
    Problem p = make_problem(op, {.x = Data::kZero, .w = Data::kInteger, .bias = 0}, seed);
    return p.fill("b_enc", Data::kZero);
  }));
  // All negative: the choice still counts, the values are 0.
  list.push_back(exact_case("encode_topk_exact_all_negative", [op](std::uint64_t seed) {
    Problem p = make_problem(op, {.x = Data::kInteger, .w = Data::kInteger, .bias = 1}, seed);
    Values bias = p.values("b_enc");
    for (double& b : bias) b -= 1000;
    return p.set("b_enc", bias);
  }));
}

// Orders that are hard on a search that keeps the best so far: each latent above all before it, each below,
// one in eight blocks of equals. x is 0, so that the biases are the pre-activations.
void add_orders(std::vector<Case>& list) {
  const std::pair<const char*, std::function<double(std::int64_t)>> kOrders[] = {
      {"ascending", [](std::int64_t j) { return static_cast<double>(j); }},
      {"descending", [](std::int64_t j) { return static_cast<double>(-j); }},
      {"blocks", [](std::int64_t j) { return static_cast<double>(j / 600); }},
      {"few_above_many_equal", [](std::int64_t j) { return j % 1000 == 999 ? 2.0 : 1.0; }},
      {"saw", [](std::int64_t j) { return static_cast<double>(j % 97); }}};
  for (const auto& [order, bias] : kOrders) {
    for (const EncodeTopK& op :
         {EncodeTopK{3, 2, 4801, 7}, EncodeTopK{300, 1, 4801, 250}, EncodeTopK{130, 3, 700, 700}}) {
      list.push_back(exact_case("encode_topk_exact_" + std::string(order) + "_" + describe(op),
                                [op, bias_of = bias](std::uint64_t seed) {
                                  Problem p(op, seed);
                                  p.fill("w_enc", Data::kNormal);
                                  Values biases;
                                  for (std::int64_t j = 0; j < op.latents; ++j) biases.push_back(bias_of(j));
                                  return p.set("b_enc", biases);
                                }));
    }
  }
}

void add_nonfinite(std::vector<Case>& list) {
  for (const double bad : {double{NAN}, double{INFINITY}, -double{INFINITY}}) {
    const std::string detail = std::isnan(bad) ? "nan" : bad > 0 ? "inf" : "minus_inf";
    for (const bool counted : {true, false}) {
      list.push_back(encode("nonfinite_" + detail + (counted ? "" : "_uncounted"), {20, 33, 100, 7}));
      list.back().make = [=](std::uint64_t seed) {
        Problem p = make_problem({20, 33, 100, 7}, {}, seed);
        Values x = p.values("x");
        for (const std::size_t row : {0u, 7u, 8u, 19u}) x[row * 33 + 5 * row % 33] = bad;
        if (!counted) p.at("nonfinite").present = false;
        return p.set("x", x);
      };
    }
  }
  // In one latent only, at every place where a search may have been cut into parts.
  for (const std::int64_t place : {0, 33, 255, 256, 1500, 3000, 4700}) {
    for (const EncodeTopK& op : {EncodeTopK{5, 3, 4701, 7}, EncodeTopK{140, 3, 4701, 7}}) {
      list.push_back(encode("nonfinite_latent" + std::to_string(place) + "_" + describe(op), op));
      list.back().make = [=](std::uint64_t seed) {
        Problem p = make_problem(op, {}, seed);
        Values x = p.values("x"), w = p.values("w_enc");
        for (std::size_t r = 0; r < x.size() / 3; ++r) x[3 * r + 1] = r % 3 == 1 ? 1e-9 : 1.0;
        w[at(3 * place + 1)] = 3e38;  // overflows where its input is 1, in the product or with the bias
        Values bias = p.values("b_enc");
        bias[at(place)] = 3e38;
        return p.set("x", x).set("w_enc", w).set("b_enc", bias);
      };
    }
  }
  list.push_back(encode("nonfinite_every_row", {20, 33, 100, 7}));
  list.back().make = [](std::uint64_t seed) {
    Problem p = make_problem({20, 33, 100, 7}, {}, seed);
    Values bias = p.values("b_enc");
    bias[99] = NAN;
    return p.set("b_enc", bias);
  };
}

}  // namespace

std::vector<Case> encode_topk_cases() {
  std::vector<Case> list;
  add_shapes(list);
  add_precisions(list);
  add_data(list);
  add_orders(list);
  add_nonfinite(list);
  return list;
}

}  // namespace polysem::conformance
