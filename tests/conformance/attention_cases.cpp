#include <algorithm>
#include <cmath>

#include "tests/conformance/cases.hpp"
#include "tests/conformance/compare.hpp"

namespace polysem::conformance {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

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
    const double spread = input_spread(op_.precision);
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
      error = std::max(error, (sum_error(op_.head_dim) + 4.2 * spread) * std::abs(op_.scale) * terms);
    }
    for (const double s : score) weight.push_back(std::exp(s - largest)), total += weight.back();
    const double relative = 2.5 * std::expm1(error) + sum_error(count) + 2.1 * spread;
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

}  // namespace

std::vector<Case> attention_cases() {
  std::vector<Case> list;
  add_attentions(list);
  return list;
}

}  // namespace polysem::conformance
