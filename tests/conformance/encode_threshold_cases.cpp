#include <algorithm>
#include <cmath>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/conformance/encode_precisions.hpp"
#include "tests/conformance/varying_codes.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

constexpr ListNames kActive{"values", "ids", "row_offsets"}, kBand{"band_values", "band_ids", "band_offsets"};

const EncodeThreshold& op_of(const Problem& problem) { return std::get<EncodeThreshold>(problem.op()); }

double threshold_of(const Problem& problem, std::int64_t latent) {
  return problem.at("threshold").present ? problem.values("threshold")[at(latent)] : 0.0;
}

/// Distance of a pre-activation from where it would change sides.
double margin_active(const Problem& problem, std::int64_t latent, double h) {
  return std::abs(h - std::max(threshold_of(problem, latent), 0.0));
}
double margin_band(const Problem& problem, std::int64_t latent, double h) {
  const double theta = threshold_of(problem, latent), half = op_of(problem).band / 2;
  return std::min({std::abs(h), std::abs(h - (theta - half)), std::abs(h - (theta + half))});
}

struct List {
  ListNames names;
  std::int64_t capacity;
  std::size_t needed;  // position in `needed`
  double (*margin)(const Problem&, std::int64_t, double);
};

/// Entries may be on either side only where their pre-activation is as near to the edge as rounding allows.
/// A list that does not fit is empty.
std::string compare_list(const Problem& problem, const List& list, const PreActivations& pre,
                         const std::vector<Values>& expected, const std::vector<Values>& actual) {
  const EncodeThreshold& op = op_of(problem);
  const VaryingCodes want(problem, expected, list.names), have(problem, actual, list.names);
  if (const std::string damage = have.damage(op.latents); !damage.empty()) return damage;
  const auto needed = static_cast<std::int64_t>(actual[problem.position("needed")][list.needed]);
  const auto wanted = static_cast<std::int64_t>(expected[problem.position("needed")][list.needed]);
  std::int64_t undecided = 0;
  for (std::int64_t r = 0; r < op.rows; ++r) {
    if (!finite_row(pre, r, op.latents)) continue;
    for (std::int64_t j = 0; j < op.latents; ++j) {
      const std::size_t i = at(r * op.latents + j);
      const double slack = pre.tolerance[i] + 4 * kU * (std::abs(threshold_of(problem, j)) + op.band);
      undecided += list.margin(problem, j, pre.h[i]) <= slack;
    }
  }
  if (std::abs(needed - wanted) > undecided)
    return "needed: expected " + std::to_string(wanted) + ", found " + std::to_string(needed) + "\n";
  if (have.count() != (needed > list.capacity ? 0 : needed))
    return std::string(list.names.ids) + ": " + std::to_string(have.count()) + " entries where " +
           std::to_string(needed) + " are needed and " + std::to_string(list.capacity) + " fit\n";
  if (needed > list.capacity || wanted > list.capacity) return "";
  for (std::int64_t r = 0; r < op.rows; ++r) {
    const auto in_want = want.latents_of(r), in_have = have.latents_of(r);
    if (!finite_row(pre, r, op.latents) && !in_have.empty())
      return describe_entry(r, *in_have.begin(), "in a row with NaN or infinity");
    for (std::int64_t j = 0; j < op.latents; ++j) {
      if (in_want.contains(j) == in_have.contains(j)) continue;
      const std::size_t i = at(r * op.latents + j);
      const double slack = pre.tolerance[i] + 4 * kU * (std::abs(threshold_of(problem, j)) + op.band);
      if (list.margin(problem, j, pre.h[i]) > slack)
        return describe_entry(r, j, in_have.contains(j) ? "was chosen" : "was not chosen");
    }
  }
  return "";
}

std::string compare_values(const Problem& problem, const PreActivations& pre,
                           const std::vector<Values>& actual) {
  const EncodeThreshold& op = op_of(problem);
  const VaryingCodes active(problem, actual, kActive);
  for (std::int64_t r = 0; r < op.rows; ++r) {
    for (std::int64_t e = active.begin(r); e < active.end(r); ++e) {
      const std::size_t i = at(r * op.latents + active.latent(e));
      if (!(std::abs(active.value(e) - pre.h[i]) <= pre.tolerance[i]) || !(active.value(e) > 0))
        return describe_entry(r, active.latent(e), "has a wrong value");
    }
  }
  if (op.band == 0) return "";
  const VaryingCodes band(problem, actual, kBand);
  for (std::int64_t e = 0; e < band.count(); ++e)
    if (band.value(e) != 1 / op.band)  // one division in f32
      return "band_values: not 1 / band at " + std::to_string(e) + "\n";
  return "";
}

std::string compare(const Problem& problem, const std::vector<Values>& expected,
                    const std::vector<Values>& actual) {
  const EncodeThreshold& op = op_of(problem);
  const PreActivations pre = pre_activations(problem, op.precision);
  std::string found = compare_list(problem, {kActive, op.capacity, 0, margin_active}, pre, expected, actual);
  if (op.band > 0)
    found += compare_list(problem, {kBand, op.band_capacity, 1, margin_band}, pre, expected, actual);
  if (found.empty()) found = compare_values(problem, pre, actual);
  const std::size_t counter = problem.position("nonfinite");
  return found + compare_exactly("nonfinite", expected[counter], actual[counter]);
}

std::string compare_equal(const Problem& problem, const std::vector<Values>& expected,
                          const std::vector<Values>& actual) {
  std::string found =
      compare_lists_exactly(VaryingCodes(problem, expected, kActive), VaryingCodes(problem, actual, kActive));
  if (op_of(problem).band > 0)
    found +=
        compare_lists_exactly(VaryingCodes(problem, expected, kBand), VaryingCodes(problem, actual, kBand));
  for (const char* operand : {"needed", "nonfinite"}) {
    const std::size_t i = problem.position(operand);
    found += compare_exactly(operand, expected[i], actual[i]);
  }
  return found;
}

struct Setup {
  Data x = Data::kNormal, w = Data::kNormal;
  double bias = 0.1;
  DType x_type = DType::kF32, w_type = DType::kF32;
  double threshold = 1.0;  // mean and spread of the thresholds; 0: ReLU
  bool pad = false;
};

Problem make_problem(const EncodeThreshold& op, const Setup& s, std::uint64_t seed) {
  Problem p(op, seed);
  p.type("x", s.x_type).fill("x", s.x).type("w_enc", s.w_type).fill("w_enc", s.w);
  const bool integers = s.w == Data::kInteger;
  if (s.bias != 0) p.fill("b_enc", integers ? Data::kInteger : Data::kNormal, s.bias);
  if (s.threshold != 0) {  // some of them negative, some at 0: both as ReLU
    p.fill("threshold", integers ? Data::kInteger : Data::kNormal, s.threshold);
    Values thresholds = p.values("threshold");
    for (std::size_t j = 0; j < thresholds.size(); ++j)
      thresholds[j] = j % 7 == 3 ? 0.0 : thresholds[j] + s.threshold;
    p.set("threshold", thresholds);
  }
  if (op.band > 0) p.write("band_values").write("band_ids").write("band_offsets");
  p.set("nonfinite", {41});
  return s.pad ? p.pad() : p;
}

Case encode(std::string detail, const EncodeThreshold& op, const Setup& s = {}) {
  return {"encode_threshold_" + std::move(detail),
          [=](std::uint64_t seed) { return make_problem(op, s, seed); }, compare};
}

// Integer inputs: pre-activations are exact, and many lie on a threshold or on the edge of a band.
Case exact_encode(std::string detail, const EncodeThreshold& op, Setup s = {}) {
  s.x = s.w = Data::kInteger;
  s.bias = 1;
  return {"encode_threshold_exact_" + std::move(detail),
          [=](std::uint64_t seed) { return make_problem(op, s, seed); }, compare_equal, true};
}

EncodeThreshold sized(std::int64_t rows, std::int64_t d_in, std::int64_t latents, float band = 0.0f) {
  return {.rows = rows,
          .d_in = d_in,
          .latents = latents,
          .capacity = rows * latents,
          .band_capacity = band > 0 ? rows * latents : 0,
          .band = band};
}

std::string describe(const EncodeThreshold& op) {
  return std::to_string(op.rows) + "x" + std::to_string(op.d_in) + "x" + std::to_string(op.latents);
}

void add_shapes(std::vector<Case>& list) {
  constexpr std::int64_t kShapes[][3] = {{1, 1, 1},      {1, 7, 31},     {3, 2, 33},     {2, 64, 127},
                                         {7, 33, 64},    {31, 31, 65},   {33, 65, 129},  {65, 63, 1000},
                                         {300, 40, 300}, {127, 16, 257}, {5, 1000, 100}, {9, 8, 4099},
                                         {130, 77, 700}};
  for (const auto& [rows, d_in, latents] : kShapes) {
    const EncodeThreshold plain = sized(rows, d_in, latents), band = sized(rows, d_in, latents, 2.0f);
    list.push_back(encode(describe(plain) + "_relu", plain, {.threshold = 0}));
    list.push_back(encode(describe(plain), plain, {.threshold = 4, .pad = true}));
    list.push_back(encode(describe(plain) + "_band", band, {.threshold = 4}));
    list.push_back(exact_encode(describe(plain) + "_relu", plain, {.threshold = 0, .pad = true}));
    list.push_back(exact_encode(describe(plain), plain, {.threshold = 3}));
    list.push_back(exact_encode(describe(plain) + "_band", band, {.threshold = 2, .pad = true}));
  }
  list.push_back(encode("no_rows", sized(0, 8, 16, 1.0f)));
  list.push_back(encode("no_latents", sized(3, 8, 0, 1.0f)));
  // Few entries, as after training.
  list.push_back(encode("sparse", sized(200, 33, 1000, 0.5f), {.threshold = 12}));
  list.push_back(encode("none_active", sized(33, 16, 257, 0.5f), {.threshold = 1e6}));
}

void add_precisions(std::vector<Case>& list) {
  const EncodeThreshold op = sized(33, 65, 257, 1.0f);
  add_encode_precisions(list, op, Setup{.threshold = 5}, Setup{.threshold = 3}, encode, exact_encode);
}

void add_data(std::vector<Case>& list) {
  const EncodeThreshold op = sized(65, 33, 129, 0.25f);
  list.push_back(encode("all_equal", op, {.x = Data::kEqual, .w = Data::kEqual, .bias = 0}));
  list.push_back(encode("zero", op, {.x = Data::kZero, .bias = 0}));
  list.push_back(encode("zero_bias_decides", op, {.x = Data::kZero, .bias = 1}));
  list.push_back(encode("denormal", op, {.x = Data::kDenormal, .bias = 0, .threshold = 0}));
  list.push_back(encode("outlier_x", op, {.x = Data::kOutlier}));
  list.push_back(encode("outlier_w", op, {.w = Data::kOutlier}));
  list.push_back(encode("narrow_band", sized(65, 33, 129, 1e-6f), {.threshold = 2}));
  list.push_back(encode("wide_band", sized(65, 33, 129, 1e6f), {.threshold = 2}));
  list.push_back({"encode_threshold_exact_all_negative",
                  [op](std::uint64_t seed) {
                    Problem p = make_problem(op, {.x = Data::kInteger, .w = Data::kInteger, .bias = 1}, seed);
                    Values bias = p.values("b_enc");
                    for (double& b : bias) b -= 1000;
                    return p.set("b_enc", bias);
                  },
                  compare_equal, true});
  // Exactly on the threshold is not above it; on the edge of the band is not inside it.
  list.push_back({"encode_threshold_exact_on_the_edge",
                  [](std::uint64_t seed) {
                    Problem p(sized(2, 1, 6, 2.0f), seed);
                    p.set("x", {1, 2}).set("w_enc", {1, 2, 3, 4, 5, 0}).set("threshold", {1, 1, 2, 5, 4, 0});
                    p.write("band_values").write("band_ids").write("band_offsets");
                    return p.set("nonfinite", {0});
                  },
                  compare_equal, true});
}

// Lists that are too short by much or by one, or just long enough; one of them or both.
void add_capacities(std::vector<Case>& list) {
  const auto make = [](double active_share, double band_share, std::int64_t change) {
    return [=](std::uint64_t seed) {
      EncodeThreshold op = sized(40, 9, 130, 4.0f);
      const Setup setup{.x = Data::kInteger, .w = Data::kInteger, .bias = 1, .threshold = 2, .pad = true};
      const Problem all = make_problem(op, setup, seed);
      const PreActivations pre = pre_activations(all, op.precision);
      std::int64_t active = 0, band = 0;
      for (std::size_t i = 0; i < pre.h.size(); ++i) {
        const double h = pre.h[i], theta = all.values("threshold")[i % 130];
        active += h > 0 && h > theta;
        band += h > 0 && std::abs(h - theta) < 2;
      }
      op.capacity = static_cast<std::int64_t>(active_share * static_cast<double>(active)) + change;
      op.band_capacity = static_cast<std::int64_t>(band_share * static_cast<double>(band)) + change;
      return make_problem(op, setup, seed);
    };
  };
  const auto add = [&](const char* detail, double active, double band, std::int64_t change) {
    list.push_back({std::string("encode_threshold_exact_capacity_") + detail, make(active, band, change),
                    compare_equal, true});
  };
  add("none", 0, 0, 0);
  add("one", 0, 0, 1);
  add("half", 0.5, 0.5, 0);
  add("one_too_short", 1, 1, -1);
  add("just_enough", 1, 1, 0);
  add("active_too_short", 0.5, 1, 1);
  add("band_too_short", 1, 0.5, 1);
}

void add_nonfinite(std::vector<Case>& list) {
  for (const double bad : {double{NAN}, double{INFINITY}, -double{INFINITY}}) {
    const std::string detail = std::isnan(bad) ? "nan" : bad > 0 ? "inf" : "minus_inf";
    for (const bool counted : {true, false}) {
      list.push_back(encode("nonfinite_" + detail + (counted ? "" : "_uncounted"), sized(20, 33, 100, 1.0f)));
      list.back().make = [=](std::uint64_t seed) {
        Problem p = make_problem(sized(20, 33, 100, 1.0f), {}, seed);
        Values x = p.values("x");
        for (const std::size_t row : {0u, 7u, 8u, 19u}) x[row * 33 + 5 * row % 33] = bad;
        if (!counted) p.at("nonfinite").present = false;
        return p.set("x", x);
      };
    }
  }
  for (const std::int64_t place : {0, 33, 255, 256, 1500}) {  // in one latent only
    const EncodeThreshold op = sized(70, 3, 1501, 0.5f);
    list.push_back(encode("nonfinite_latent" + std::to_string(place), op));
    list.back().make = [=](std::uint64_t seed) {
      Problem p = make_problem(op, {}, seed);
      Values x = p.values("x"), w = p.values("w_enc"), bias = p.values("b_enc");
      for (std::size_t r = 0; r < x.size() / 3; ++r) x[3 * r + 1] = r % 3 == 1 ? 1e-9 : 1.0;
      w[at(3 * place + 1)] = bias[at(place)] = 3e38;  // overflows where its input is 1
      return p.set("x", x).set("w_enc", w).set("b_enc", bias);
    };
  }
}

}  // namespace

std::vector<Case> encode_threshold_cases() {
  std::vector<Case> list;
  add_shapes(list);
  add_precisions(list);
  add_data(list);
  add_capacities(list);
  add_nonfinite(list);
  return list;
}

}  // namespace polysem::conformance
