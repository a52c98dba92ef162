#include <cmath>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"
#include "tests/conformance/run_problem.hpp"
#include "tests/conformance/sparse_data.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

struct Shape {
  std::int64_t rows, latents, k, longest;  // k = 0: rows of up to `longest` entries
  Pattern pattern;
};

constexpr Shape kShapes[] = {{1, 1, 1, 0, Pattern::kRandom},       {1, 100, 7, 0, Pattern::kRandom},
                             {33, 65, 1, 0, Pattern::kRandom},     {64, 128, 32, 0, Pattern::kRandom},
                             {31, 31, 31, 0, Pattern::kSigned},    {129, 1000, 8, 0, Pattern::kHot},
                             {700, 64, 3, 0, Pattern::kHot},       {65, 127, 5, 0, Pattern::kDead},
                             {63, 257, 16, 0, Pattern::kSigned},   {40, 100, 0, 20, Pattern::kRandom},
                             {33, 65, 0, 65, Pattern::kEmptyRows}, {17, 9, 0, 9, Pattern::kSigned},
                             {9, 33, 0, 0, Pattern::kEmptyRows},   {0, 16, 4, 0, Pattern::kRandom},
                             {200, 31, 0, 12, Pattern::kDead}};

std::string describe(const Shape& s) {
  return std::to_string(s.rows) + "x" + std::to_string(s.latents) +
         (s.k > 0 ? "_k" + std::to_string(s.k) : "_upto" + std::to_string(s.longest)) + "_" +
         std::string(name(s.pattern));
}

CodesData codes_of(const Shape& s, std::uint64_t seed) {
  return make_codes(s.rows, s.latents, s.k, s.longest, s.pattern, seed);
}

// The longest sum that an output element is made of.
std::int64_t longest_row(const Problem& problem, std::int64_t rows, std::int64_t k) {
  if (k > 0) return k;
  double most = 0;
  const Values& offsets = problem.values("row_offsets");
  for (std::int64_t r = 0; r < rows; ++r) most = std::max(most, offsets[at(r + 1)] - offsets[at(r)]);
  return static_cast<std::int64_t>(most);
}

// |y| <= sum |terms|; error adds |target|; the loss sums (|error| + its tolerance)^2 - error^2 and its own
// rounding.
std::string compare_decode(const Problem& problem, const std::vector<Values>& expected,
                           const std::vector<Values>& actual) {
  const auto& op = std::get<SparseDecode>(problem.op());
  Problem terms = problem;
  terms.write("output");
  const Values output = magnitudes(terms)[problem.position("output")];
  const double factor = sum_error(longest_row(problem, op.rows, op.k) + 3);
  Values for_output, for_error, for_loss;
  for (std::size_t i = 0; i < output.size(); ++i) {
    const double target = problem.at("target").present ? std::abs(problem.values("target")[i]) : 0;
    for_output.push_back(factor * output[i] + 8 * kTiny);
    for_error.push_back(factor * (output[i] + target) + 8 * kTiny);
  }
  std::string found;
  const auto compare = [&](std::string_view operand, const Values& tolerance) {
    const std::size_t i = problem.position(operand);
    if (problem.operands()[i].present) found += compare_within(operand, expected[i], actual[i], tolerance);
  };
  compare("output", for_output);
  compare("error", for_error);
  if (!problem.at("row_loss").present) return found;
  Problem plain = problem;
  plain.write("error");
  const Values error = reference_values(plain)[problem.position("error")];
  for (std::int64_t r = 0; r < op.rows; ++r) {
    double tolerance = 4 * kTiny, loss = 0;
    for (std::int64_t c = 0; c < op.d_out; ++c) {
      const std::size_t i = at(r * op.d_out + c);
      tolerance += for_error[i] * (2 * std::abs(error[i]) + for_error[i]);
      loss += error[i] * error[i];
    }
    for_loss.push_back(tolerance + sum_error(op.d_out) * loss);
  }
  compare("row_loss", for_loss);
  return found;
}

struct DecodeSetup {
  bool bias = true, base = false, target = true, output = true, error = true, row_loss = true, pad = false;
  DType w_type = DType::kF32;
};

Case decode(std::string detail, const Shape& shape, std::int64_t d_out, const DecodeSetup& s) {
  const auto make = [=](std::uint64_t seed) {
    const CodesData codes = codes_of(shape, seed);
    Problem p(SparseDecode{shape.rows, shape.latents, d_out, shape.k, codes.capacity}, seed);
    set_codes(p, codes);
    p.type("w_dec", s.w_type).fill("w_dec", Data::kNormal);
    if (s.bias) p.fill("bias", Data::kNormal);
    if (s.base) p.fill("base", Data::kNormal);
    if (s.target) p.fill("target", Data::kNormal);
    if (s.output) p.write("output");
    if (s.error) p.write("error");
    if (s.row_loss) p.write("row_loss");
    return s.pad ? p.pad() : p;
  };
  return {"sparse_decode_" + std::move(detail), make, compare_decode};
}

void add_decodes(std::vector<Case>& list) {
  constexpr std::int64_t kWidths[] = {1, 3, 16, 33, 64, 129, 31, 577};
  std::size_t i = 0;
  for (const Shape& shape : kShapes) {
    const std::int64_t d_out = kWidths[i++ % 8];
    list.push_back(decode(describe(shape) + "_d" + std::to_string(d_out), shape, d_out, {.pad = i % 2 == 0}));
  }
  const Shape shape{33, 100, 6, 0, Pattern::kRandom}, varying{33, 100, 0, 9, Pattern::kRandom};
  list.push_back(
      decode("output_only", shape, 65, {.bias = false, .target = false, .error = false, .row_loss = false}));
  list.push_back(decode("output_bias_base", shape, 65,
                        {.base = true, .target = false, .error = false, .row_loss = false}));
  list.push_back(decode("error_only", shape, 31, {.bias = false, .output = false, .row_loss = false}));
  list.push_back(decode("row_loss_only", shape, 31, {.output = false, .error = false}));
  list.push_back(decode("everything", shape, 127, {.base = true, .pad = true}));
  list.push_back(decode("nothing", shape, 5, {.output = false, .error = false, .row_loss = false}));
  list.push_back(decode("bf16", shape, 63, {.base = true, .w_type = DType::kBF16}));
  list.push_back(decode("f16", shape, 63, {.base = true, .w_type = DType::kF16}));
  list.push_back(decode("f16_varying", varying, 33, {.base = true, .pad = true, .w_type = DType::kF16}));
  list.push_back(decode("bf16_varying", varying, 33, {.base = true, .pad = true, .w_type = DType::kBF16}));
}

// The gradient of each entry that there is; what lies beyond is undefined.
std::string compare_grad_values(const Problem& problem, const std::vector<Values>& expected,
                                const std::vector<Values>& actual) {
  const auto& op = std::get<SparseGradValues>(problem.op());
  const std::size_t g = problem.position("gradient");
  const std::int64_t used =
      op.k > 0 ? op.capacity : static_cast<std::int64_t>(problem.values("row_offsets").back());
  const Values magnitude = magnitudes(problem)[g];
  Values want(expected[g].begin(), expected[g].begin() + used),
      have(actual[g].begin(), actual[g].begin() + used), tolerance;
  for (std::int64_t i = 0; i < used; ++i) {
    const bool passes = problem.values("values")[at(i)] > 0;
    tolerance.push_back(passes ? sum_error(op.d_out + 1) * magnitude[at(i)] : 0);
  }
  return compare_within("gradient", want, have, tolerance);
}

void add_grad_values(std::vector<Case>& list) {
  constexpr std::int64_t kWidths[] = {64, 1, 33, 7, 129, 16};
  std::size_t i = 0;
  for (const Shape& shape : kShapes) {
    for (const DType type : {DType::kF32, DType::kBF16}) {
      const std::int64_t d_out = kWidths[i % 6];
      const bool pad = i % 2 == 1;
      const float penalty = i++ % 3 == 0 ? 0.0f : 0.75f;  // of an L1 term
      const auto make = [=](std::uint64_t seed) {
        const CodesData codes = codes_of(shape, seed);
        Problem p(SparseGradValues{shape.rows, shape.latents, d_out, shape.k, codes.capacity, 2.0f, penalty},
                  seed);
        set_codes(p, codes);
        p.fill("error", Data::kNormal).type("w_dec", type).fill("w_dec", Data::kNormal);
        return pad ? p.pad() : p;
      };
      list.push_back({"sparse_grad_values_" + describe(shape) + "_d" + std::to_string(d_out) + "_" +
                          std::string(polysem::name(type)),
                      make, compare_grad_values});
    }
  }
}

// Equal to std::stable_sort, not only to the reference.
std::string compare_transpose(const Problem& problem, const std::vector<Values>& expected,
                              const std::vector<Values>& actual) {
  const auto& op = std::get<TransposeCodes>(problem.op());
  CodesData codes{op.rows,
                  op.latents,
                  op.k,
                  op.capacity,
                  problem.values("values"),
                  problem.values("ids"),
                  op.k > 0 ? Values{} : problem.values("row_offsets")};
  const SortedData sorted = sort_codes(codes);
  const std::size_t begin = problem.position("begin"), entries = problem.position("entries"),
                    entry_rows = problem.position("entry_rows");
  const auto active = static_cast<std::size_t>(sorted.begin.back());
  return compare_exactly("begin of the reference", sorted.begin, expected[begin]) +
         compare_exactly("begin", sorted.begin, actual[begin]) +
         compare_exactly("entries", sorted.entries, actual[entries], active) +
         compare_exactly("entry_rows", sorted.entry_rows, actual[entry_rows], active);
}

void add_transposes(std::vector<Case>& list) {
  for (const Shape& shape : kShapes) {
    const auto make = [=](std::uint64_t seed) {
      const CodesData codes = codes_of(shape, seed);
      Problem p(TransposeCodes{shape.rows, shape.latents, shape.k, codes.capacity}, seed);
      set_codes(p, codes);
      return p;
    };
    list.push_back({"transpose_codes_" + describe(shape), make, compare_transpose});
  }
  const Shape large{2000, 3001, 17, 0, Pattern::kRandom};
  list.push_back({"transpose_codes_large",
                  [=](std::uint64_t seed) {
                    const CodesData codes = codes_of(large, seed);
                    Problem p(TransposeCodes{large.rows, large.latents, large.k, codes.capacity}, seed);
                    set_codes(p, codes);
                    return p.pad();
                  },
                  compare_transpose});
}

void add_scatters(std::vector<Case>& list) {
  for (const Shape& shape : kShapes) {
    const auto make = [=](std::uint64_t seed) {
      const CodesData codes = codes_of(shape, seed);
      Problem p(ScatterDense{shape.rows, shape.latents, shape.k, codes.capacity}, seed);
      set_codes(p, codes);
      return p.pad();
    };
    list.push_back(exact_case("scatter_dense_" + describe(shape), make));
  }
}

void add_stats(std::vector<Case>& list) {
  for (const Shape& shape : kShapes) {
    list.push_back(exact_case("firing_stats_" + describe(shape), [=](std::uint64_t seed) {
      Problem p(FiringStats{shape.rows, shape.latents}, seed);
      p.set("begin", sort_codes(codes_of(shape, seed)).begin);
      Values fired, since;
      for (std::int64_t j = 0; j < shape.latents; ++j) {  // some of them about to overflow
        fired.push_back(j % 3 == 0 ? 4294967294.0 : static_cast<double>(j));
        since.push_back(j % 4 == 0 ? 4294967290.0 : static_cast<double>(10 * j));
      }
      return p.set("fired", fired).set("since", since);
    }));
  }
  // Of dense codes: counts that are given.
  for (const auto& [rows, latents] : {std::pair{1, 1}, {4096, 257}, {33, 1000}}) {
    const FiringStats op{rows, latents};
    list.push_back(exact_case("firing_stats_counts_" + std::to_string(rows) + "x" + std::to_string(latents),
                              [op](std::uint64_t seed) {
                                Problem p(op, seed);
                                Values counts, fired, since;
                                for (std::int64_t j = 0; j < op.latents; ++j) {
                                  counts.push_back(j % 3 == 0 ? 0.0
                                                              : static_cast<double>(j * 7 % (op.rows + 1)));
                                  fired.push_back(j % 5 == 0 ? 4294967290.0 : static_cast<double>(j));
                                  since.push_back(j % 4 == 0 ? 4294967290.0 : static_cast<double>(10 * j));
                                }
                                p.set("counts", counts).set("fired", fired).set("since", since);
                                return p.pad();
                              }));
  }
}

// The sum over a latent's band entries, in proportion to the magnitudes of its terms.
std::string compare_threshold_grad(const Problem& problem, const std::vector<Values>& expected,
                                   const std::vector<Values>& actual) {
  const auto& op = std::get<ThresholdGrad>(problem.op());
  const std::size_t out = problem.position("out");
  const Values &begin = problem.values("begin"), &entries = problem.values("entries");
  Values tolerance;
  for (std::int64_t j = 0; j < op.latents; ++j) {
    double terms = 0;
    for (auto i = static_cast<std::int64_t>(begin[at(j)]); i < static_cast<std::int64_t>(begin[at(j + 1)]);
         ++i) {
      const auto e = static_cast<std::size_t>(entries[at(i)]);
      terms += std::abs(problem.values("values")[e]) *
               (std::abs(problem.values("threshold")[at(j)] * problem.values("gradient")[e]) +
                std::abs(double{op.penalty}));
    }
    tolerance.push_back(sum_error(static_cast<std::int64_t>(begin[at(j + 1)] - begin[at(j)]) + 2) * terms +
                        4 * kTiny);
  }
  return compare_within("out", expected[out], actual[out], tolerance);
}

void add_threshold_grads(std::vector<Case>& list) {
  for (const Shape& shape : kShapes) {
    for (const Data data : {Data::kNormal, Data::kInteger}) {
      const auto make = [=](std::uint64_t seed) {
        const CodesData codes = codes_of(shape, seed);
        const SortedData sorted = sort_codes(codes);
        Problem p(ThresholdGrad{shape.latents, codes.capacity, 0.25f}, seed);
        p.set("begin", sorted.begin).set("entries", sorted.entries);
        p.set("values", Values(at(codes.capacity), 4.0)).fill("gradient", data).fill("threshold", data);
        return p.pad();
      };
      // Small integers and powers of two: every sum is exact.
      const std::string name = describe(shape) + "_" + std::string(conformance::name(data));
      list.push_back(data == Data::kInteger ? exact_case("threshold_grad_" + name, make)
                                            : Case{"threshold_grad_" + name, make, compare_threshold_grad});
    }
  }
}

}  // namespace

std::vector<Case> sparse_cases() {
  std::vector<Case> list;
  add_decodes(list);
  add_grad_values(list);
  add_transposes(list);
  add_scatters(list);
  add_stats(list);
  add_threshold_grads(list);
  return list;
}

}  // namespace polysem::conformance
