#include <algorithm>
#include <cmath>
#include <numeric>

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
      if (tolerance[i] > 0) tolerance[i] += kBf16Rounding * (std::abs(expected[out][i]) + tolerance[i]);
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

// --- Attention ---

/// Bounds of one query row and head: an error e in the scores changes every weight by 2 e relative.
class AttentionBounds {
 public:
  explicit AttentionBounds(const Problem& problem)
      : op_(std::get<Attention>(problem.op())),
        query_(problem.values("query")),
        key_(problem.values("key")),
        value_(problem.values("value")) {}

  void bound(std::int64_t row, std::int64_t head, std::int64_t first_key, std::int64_t count,
             Values& tolerance) const {
    const bool low = op_.precision == Precision::kBF16;
    Values score, weight;
    double error = 0, largest = -INFINITY, total = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      double dot = 0, terms = 0;
      for (std::int64_t c = 0; c < op_.head_dim; ++c) {
        const double product = query_[q(row, head, c)] * key_[kv(first_key + i, head, c)];
        dot += product, terms += std::abs(product);
      }
      score.push_back(op_.scale * dot);
      largest = std::max(largest, score.back());
      error = std::max(
          error, (sum_error(op_.head_dim) + (low ? 4.2 * kBf16Rounding : 0)) * std::abs(op_.scale) * terms);
    }
    for (const double s : score) weight.push_back(std::exp(s - largest)), total += weight.back();
    const double relative = 2.5 * std::expm1(error) + sum_error(count) + (low ? 2.1 * kBf16Rounding : 0);
    for (std::int64_t c = 0; c < op_.head_dim; ++c) {
      double terms = 0;
      for (std::int64_t i = 0; i < count; ++i)
        terms += weight[at(i)] / total * std::abs(value_[kv(first_key + i, head, c)]);
      tolerance[q(row, head, c)] = relative * terms + 8 * kTiny;
    }
  }

 private:
  std::size_t q(std::int64_t row, std::int64_t head, std::int64_t c) const {
    return at((row * op_.heads + head) * op_.head_dim + c);
  }
  std::size_t kv(std::int64_t row, std::int64_t head, std::int64_t c) const {
    return at((row * op_.kv_heads + head / (op_.heads / op_.kv_heads)) * op_.head_dim + c);
  }

  const Attention& op_;
  const Values &query_, &key_, &value_;
};

std::string compare_attention(const Problem& problem, const std::vector<Values>& expected,
                              const std::vector<Values>& actual) {
  const auto& op = std::get<Attention>(problem.op());
  const auto number = [&](std::string_view operand, std::int64_t i) {
    return static_cast<std::int64_t>(problem.values(operand)[at(i)]);
  };
  const AttentionBounds bounds(problem);
  const std::size_t out = problem.position("out");
  Values tolerance(expected[out].size());
  for (std::int64_t s = 0; s < op.sequences; ++s) {
    const std::int64_t first = number("query_begin", s), queries = number("query_begin", s + 1) - first;
    for (std::int64_t i = 0; i < queries; ++i)
      for (std::int64_t head = 0; head < op.heads; ++head)
        bounds.bound(first + i, head, number("key_begin", s), number("key_count", s) - queries + i + 1,
                     tolerance);
  }
  return compare_within("out", expected[out], actual[out],
                        with_storage(problem.at("out"), expected[out], tolerance));
}

struct Sequence {
  std::int64_t queries, keys;
};

struct AttentionSetup {
  std::int64_t heads = 4, kv_heads = 2, head_dim = 16;
  DType type = DType::kF32, out = DType::kF32;
  Precision precision = Precision::kF32;
  Data data = Data::kNormal;
  double spread = 1;
  std::int64_t slab = 0;  // rows of keys set aside for each sequence, 0 for no gaps
  bool pad = false;
};

Problem make_attention(const std::vector<Sequence>& sequences, const AttentionSetup& s, std::uint64_t seed) {
  Values query_begin{0}, key_begin, key_count;
  std::int64_t keys = 0;
  for (const Sequence& sequence : sequences) {
    query_begin.push_back(query_begin.back() + static_cast<double>(sequence.queries));
    key_begin.push_back(static_cast<double>(keys));
    key_count.push_back(static_cast<double>(sequence.keys));
    keys += std::max(s.slab, sequence.keys);
  }
  Problem p(Attention{static_cast<std::int64_t>(query_begin.back()), keys,
                      static_cast<std::int64_t>(sequences.size()), s.heads, s.kv_heads, s.head_dim,
                      static_cast<float>(1 / std::sqrt(static_cast<double>(s.head_dim))), s.precision},
            seed);
  p.set("query_begin", query_begin).set("key_begin", key_begin).set("key_count", key_count);
  p.type("query", s.type).fill("query", s.data, s.spread).type("key", s.type).fill("key", s.data);
  p.type("value", s.type).fill("value", Data::kNormal).type("out", s.out);
  return s.pad ? p.pad() : p;
}

void add_attentions(std::vector<Case>& list) {
  const auto add = [&](const std::string& detail, const std::vector<Sequence>& sequences,
                       const AttentionSetup& s = {}) {
    list.push_back({"attention_" + detail,
                    [=](std::uint64_t seed) { return make_attention(sequences, s, seed); },
                    compare_attention});
  };
  const std::vector<Sequence> mixed{{7, 7}, {1, 33}, {5, 20}, {0, 3}, {1, 1}, {33, 65}};
  add("one_key", {{1, 1}}, {.heads = 1, .kv_heads = 1, .head_dim = 1});
  add("prefill", {{65, 65}}, {.heads = 9, .kv_heads = 3, .head_dim = 64});
  add("prefill_many", {{17, 17}, {1, 1}, {64, 64}, {31, 31}});
  add("prefill_long", {{300, 300}, {40, 290}, {129, 128 + 129}}, {.heads = 2, .kv_heads = 1});
  add("generate", {{1, 127}, {1, 1}, {1, 64}, {1, 1000}});
  add("mixed", mixed, {.pad = true});
  add("mixed_slabs", mixed, {.slab = 80});
  add("empty", {{0, 0}});
  add("no_grouping", mixed, {.heads = 3, .kv_heads = 3, .head_dim = 7});
  add("one_kv_head", mixed, {.heads = 5, .kv_heads = 1, .head_dim = 33});
  add("sharp", mixed, {.spread = 30});
  add("large_scores", {{33, 33}}, {.spread = 1000});
  add("equal", mixed, {.data = Data::kEqual});
  add("zero", mixed, {.data = Data::kZero});
  add("integer", mixed, {.data = Data::kInteger});
  add("bf16", mixed, {.type = DType::kBF16, .pad = true});
  add("bf16_out", mixed, {.type = DType::kBF16, .out = DType::kBF16, .slab = 70});
  add("low", mixed, {.precision = Precision::kBF16});
  add("low_bf16", mixed,
      {.head_dim = 64, .type = DType::kBF16, .out = DType::kBF16, .precision = Precision::kBF16});
}

// --- Losses over logits ---

// Error of log sum exp in f32: the exponents' own rounding, the sum, and the last addition.
double log_sum_error(const Values& logits, std::int64_t row, std::int64_t classes) {
  double largest = 0;
  for (std::int64_t c = 0; c < classes; ++c)
    largest = std::max(largest, std::abs(logits[at(row * classes + c)]));
  return sum_error(classes) + (8 + 4 * largest) * kU;
}

std::string compare_cross_entropy(const Problem& problem, const std::vector<Values>& expected,
                                  const std::vector<Values>& actual) {
  const auto& op = std::get<CrossEntropy>(problem.op());
  const std::size_t loss = problem.position("loss");
  Values tolerance;
  for (std::int64_t r = 0; r < op.rows; ++r) {
    const double target = problem.values("targets")[at(r)];
    const bool inside = target >= 0 && target < static_cast<double>(op.classes);
    tolerance.push_back(inside ? log_sum_error(problem.values("logits"), r, op.classes) : 0);
  }
  return compare_within("loss", expected[loss], actual[loss], tolerance);
}

std::string compare_kl(const Problem& problem, const std::vector<Values>& expected,
                       const std::vector<Values>& actual) {
  const auto& op = std::get<KlDivergence>(problem.op());
  const Values &p = problem.values("p_logits"), &q = problem.values("q_logits");
  const auto log_total = [&](const Values& logits, std::int64_t r) {
    double sum = 0, largest = -INFINITY;
    for (std::int64_t c = 0; c < op.classes; ++c) largest = std::max(largest, logits[at(r * op.classes + c)]);
    for (std::int64_t c = 0; c < op.classes; ++c) sum += std::exp(logits[at(r * op.classes + c)] - largest);
    return largest + std::log(sum);
  };
  const std::size_t out = problem.position("divergence");
  Values tolerance;
  for (std::int64_t r = 0; r < op.rows; ++r) {
    const double error = log_sum_error(p, r, op.classes) + log_sum_error(q, r, op.classes);
    const double p_total = log_total(p, r), q_total = log_total(q, r);
    double terms = 0;
    for (std::int64_t c = 0; c < op.classes; ++c) {
      const double log_p = p[at(r * op.classes + c)] - p_total, log_q = q[at(r * op.classes + c)] - q_total;
      terms += std::exp(log_p) * std::abs(log_p - log_q);
    }
    tolerance.push_back(2 * error * (1 + terms) + sum_error(op.classes) * terms);
  }
  return compare_within("divergence", expected[out], actual[out], tolerance);
}

void add_losses(std::vector<Case>& list) {
  constexpr std::int64_t kShapes[][2] = {{1, 1}, {1, 1000}, {33, 7}, {5, 4099}, {65, 129}, {0, 3}};
  const auto add = [&](const std::string& detail, std::int64_t rows, std::int64_t classes, Data data,
                       double scale, DType type, bool pad) {
    list.push_back({"cross_entropy_" + detail,
                    [=](std::uint64_t seed) {
                      Problem p(CrossEntropy{rows, classes}, seed);
                      Values targets;
                      for (std::int64_t r = 0; r < rows; ++r)
                        targets.push_back(static_cast<double>(r % 7 == 3   ? -1
                                                              : r % 7 == 5 ? classes
                                                                           : r * 37 % classes));
                      p.set("targets", targets).type("logits", type).fill("logits", data, scale);
                      return pad ? p.pad() : p;
                    },
                    compare_cross_entropy});
    list.push_back({"kl_divergence_" + detail,
                    [=](std::uint64_t seed) {
                      Problem p(KlDivergence{rows, classes}, seed);
                      p.type("p_logits", type).fill("p_logits", data, scale);
                      p.type("q_logits", type).fill("q_logits", Data::kNormal, scale);
                      return pad ? p.pad() : p;
                    },
                    compare_kl});
  };
  for (const auto& [rows, classes] : kShapes)
    add(std::to_string(rows) + "x" + std::to_string(classes), rows, classes, Data::kNormal, 4, DType::kF32,
        rows % 2 == 1);
  add("bf16", 17, 257, Data::kNormal, 4, DType::kBF16, true);
  add("large", 9, 65, Data::kNormal, 200, DType::kF32, false);
  add("equal", 9, 65, Data::kEqual, 1, DType::kF32, false);
  add("zero", 9, 65, Data::kZero, 1, DType::kF32, false);
  add("integer", 9, 63, Data::kInteger, 1, DType::kF32, false);
}

}  // namespace

std::vector<Case> transformer_cases() {
  std::vector<Case> list;
  add_rms_norms(list);
  add_ropes(list);
  add_attentions(list);
  add_losses(list);
  return list;
}

}  // namespace polysem::conformance
