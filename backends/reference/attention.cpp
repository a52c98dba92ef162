#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"
#include "polysem/error.hpp"

namespace polysem::reference {

namespace {

struct Views {
  Floats query, key, value, out;
};

// One query row and head over `count` keys from `first_key` on.
void attend(const Attention& op, const Views& v, std::int64_t row, std::int64_t head, std::int64_t first_key,
            std::int64_t count) {
  const std::int64_t q = head * op.head_dim, kv = head / (op.heads / op.kv_heads) * op.head_dim;
  const auto input = [&](double value) { return rounded_to(op.precision, value); };
  std::vector<double> weights(static_cast<std::size_t>(count));
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < count; ++i) {
    double dot = 0;
    for (std::int64_t c = 0; c < op.head_dim; ++c)
      dot += input(v.query(row, q + c)) * input(v.key(first_key + i, kv + c));
    weights[static_cast<std::size_t>(i)] = op.scale * dot;
    largest = std::max(largest, op.scale * dot);
  }
  double total = 0;
  for (double& w : weights) total += w = std::exp(w - largest);
  for (std::int64_t c = 0; c < op.head_dim; ++c) {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i)
      sum += weights[static_cast<std::size_t>(i)] * input(v.value(first_key + i, kv + c));
    v.out.set(row, q + c, sum / total);
  }
}

}  // namespace

void run(const Attention& op, const Attention::Operands& t) {
  const Views views{Floats(t.query), Floats(t.key), Floats(t.value), Floats(t.out)};
  const Integers<std::int32_t> query_begin(t.query_begin), key_begin(t.key_begin), key_count(t.key_count);
  for (std::int64_t s = 0; s < op.sequences; ++s) {
    const std::int64_t first = query_begin[s], queries = query_begin[s + 1] - first;
    const std::int64_t keys = key_count[s], first_key = key_begin[s];
    if (first < 0 || queries < 0 || first + queries > op.rows || keys < queries || first_key < 0 ||
        first_key + keys > op.key_rows)
      throw Error(ErrorCode::kInvalidArgument,
                  "attention: the rows of sequence " + std::to_string(s) + " do not fit the operands");
    for (std::int64_t i = 0; i < queries; ++i)
      for (std::int64_t head = 0; head < op.heads; ++head)
        attend(op, views, first + i, head, first_key, keys - queries + i + 1);
  }
}

}  // namespace polysem::reference
