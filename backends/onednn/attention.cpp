#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/product_input.hpp"
#include "backends/onednn/views.hpp"
#include "polysem/error.hpp"

namespace polysem::onednn {

namespace {

constexpr std::int64_t kQueries = 32;  // positions of a task, each with all query heads of a key-value head
constexpr std::int64_t kKeys = 128;    // keys that are looked at together

struct Sequence {
  std::int64_t first_query, queries, first_key, keys;
};

struct Task {
  std::int64_t sequence, kv_head, first;
};

// One pass over blocks of keys with a running maximum and sum (Milakov & Gimelshein, arXiv 1805.02867; Dao et
// al., arXiv 2205.14135): the scores exist for one block at a time. The query heads that share a key-value
// head go together.
class Attend {
 public:
  Attend(Context& context, const Attention& op, const Attention::Operands& t)
      : context_(context),
        op_(op),
        t_(t),
        group_(op.heads / op.kv_heads),
        dim_((op.head_dim + 15) / 16 * 16),
        rows_(kQueries * group_),
        round_(op.precision == Precision::kBF16),
        query_(t.query),
        key_(t.key),
        value_(t.value),
        out_(t.out) {
    read_sequences();
  }

  void run() {
    std::vector<Task> tasks;
    for (std::size_t s = 0; s < sequences_.size(); ++s)
      for (std::int64_t first = 0; first < sequences_[s].queries; first += kQueries)
        for (std::int64_t head = 0; head < op_.kv_heads; ++head)
          tasks.push_back({static_cast<std::int64_t>(s), head, first});
    const std::int64_t sizes = 2 * rows_ * dim_ + kKeys * dim_ * 2 + rows_ * kKeys + 2 * rows_ + dim_;
    PerThread<float> memory = context_.per_thread<float>(sizes);
    // Late positions see more keys: they go first, so that no long task is left for the end.
    const auto count = static_cast<std::int64_t>(tasks.size());
    Context::parallel(count, [&](std::int64_t i) {
      attend(tasks[static_cast<std::size_t>(count - 1 - i)], memory.of(Context::thread()));
    });
  }

 private:
  struct Blocks {
    float *query, *sums, *key, *value, *scores, *largest, *total, *line;
  };

  Blocks split(float* memory) const {
    Blocks b{};
    b.query = memory;
    b.sums = b.query + rows_ * dim_;
    b.key = b.sums + rows_ * dim_;
    b.value = b.key + kKeys * dim_;
    b.scores = b.value + kKeys * dim_;
    b.largest = b.scores + rows_ * kKeys;
    b.total = b.largest + rows_;
    b.line = b.total + rows_;
    return b;
  }

  void read_sequences() {
    const auto* query_begin = data_of<const std::int32_t>(t_.query_begin);
    const auto* key_begin = data_of<const std::int32_t>(t_.key_begin);
    const auto* key_count = data_of<const std::int32_t>(t_.key_count);
    for (std::int64_t s = 0; s < op_.sequences; ++s) {
      const Sequence q{query_begin[s], std::int64_t{query_begin[s + 1]} - query_begin[s], key_begin[s],
                       key_count[s]};
      if (q.first_query < 0 || q.queries < 0 || q.first_query + q.queries > op_.rows || q.keys < q.queries ||
          q.first_key < 0 || q.first_key + q.keys > op_.key_rows)
        throw Error(ErrorCode::kInvalidArgument,
                    "attention: the rows of sequence " + std::to_string(s) + " do not fit the operands");
      sequences_.push_back(q);
    }
  }

  void attend(const Task& task, float* memory) const {
    const Blocks b = split(memory);
    const Sequence& s = sequences_[static_cast<std::size_t>(task.sequence)];
    const std::int64_t positions = std::min(kQueries, s.queries - task.first), rows = positions * group_;
    load_queries(task, s, positions, b);
    const std::int64_t seen_by_last = s.keys - s.queries + task.first + positions;
    for (std::int64_t first = 0; first < seen_by_last; first += kKeys) {
      const std::int64_t keys = std::min(kKeys, seen_by_last - first);
      load_keys(task, s, first, keys, b);
      kernels().block_product(b.query, dim_, b.key, kKeys, b.scores, kKeys, rows, (keys + 15) / 16 * 16,
                              op_.head_dim, false);
      for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t seen = s.keys - s.queries + task.first + r / group_ + 1 - first;
        weigh(r, std::clamp<std::int64_t>(seen, 0, keys), keys, b);
      }
      kernels().block_product(b.scores, kKeys, b.value, dim_, b.sums, dim_, rows, dim_, keys, true);
    }
    store_results(task, s, positions, b);
  }

  const float* rounded(const float* line, float* buffer) const {
    if (!round_) return line;
    kernels().round_to_bf16(line, buffer, op_.head_dim);
    return buffer;
  }

  void load_queries(const Task& task, const Sequence& s, std::int64_t positions, const Blocks& b) const {
    for (std::int64_t r = 0; r < positions * group_; ++r) {
      const std::int64_t head = task.kv_head * group_ + r % group_;
      const float* line =
          query_.read(s.first_query + task.first + r / group_, head * op_.head_dim, op_.head_dim, b.line);
      std::copy_n(rounded(line, b.line), op_.head_dim, b.query + r * dim_);
      b.largest[r] = -std::numeric_limits<float>::infinity();
      b.total[r] = 0.0f;
    }
    std::fill_n(b.sums, positions * group_ * dim_, 0.0f);
  }

  // Keys go in transposed, so that scores of neighbouring keys are neighbours.
  void load_keys(const Task& task, const Sequence& s, std::int64_t first, std::int64_t keys,
                 const Blocks& b) const {
    const std::int64_t col = task.kv_head * op_.head_dim;
    const std::int64_t padded = (keys + 15) / 16 * 16;
    for (std::int64_t i = 0; i < keys; ++i) {
      const float* key = rounded(key_.read(s.first_key + first + i, col, op_.head_dim, b.line), b.line);
      for (std::int64_t c = 0; c < op_.head_dim; ++c) b.key[c * kKeys + i] = key[c];
      const float* value = rounded(value_.read(s.first_key + first + i, col, op_.head_dim, b.line), b.line);
      std::copy_n(value, op_.head_dim, b.value + i * dim_);
      std::fill(b.value + i * dim_ + op_.head_dim, b.value + (i + 1) * dim_, 0.0f);
    }
    for (std::int64_t c = 0; c < op_.head_dim; ++c)
      std::fill(b.key + c * kKeys + keys, b.key + c * kKeys + padded, 0.0f);
  }

  // Scores of one row to weights; earlier sums shrink where the maximum grew. Keys that the row does not see
  // weigh 0.
  void weigh(std::int64_t r, std::int64_t seen, std::int64_t keys, const Blocks& b) const {
    float* scores = b.scores + r * kKeys;
    std::fill(scores + seen, scores + keys, 0.0f);
    if (seen == 0) return;
    const float before = b.largest[r];
    const float sum = kernels().softmax_row(scores, seen, op_.scale, b.largest + r);
    if (before == b.largest[r]) {
      b.total[r] += sum;
      return;
    }
    const float shrink = std::exp(before - b.largest[r]);
    b.total[r] = b.total[r] * shrink + sum;
    kernels().multiply(b.sums + r * dim_, shrink, dim_);
  }

  void store_results(const Task& task, const Sequence& s, std::int64_t positions, const Blocks& b) const {
    for (std::int64_t r = 0; r < positions * group_; ++r) {
      const std::int64_t row = s.first_query + task.first + r / group_;
      const std::int64_t col = (task.kv_head * group_ + r % group_) * op_.head_dim;
      float* to = out_.place(row, col, b.line);
      kernels().elementwise(ElementKind::kCopy, b.sums + r * dim_, nullptr, 0.0f, to, op_.head_dim,
                            1.0f / b.total[r], 0.0f);
      out_.done(row, col, op_.head_dim, to);
    }
  }

  Context& context_;
  const Attention& op_;
  const Attention::Operands& t_;
  std::int64_t group_, dim_, rows_;
  bool round_;
  RowReader query_, key_, value_;
  RowWriter out_;
  std::vector<Sequence> sequences_;
};

}  // namespace

void run(Context& context, const Attention& op, const Attention::Operands& t) {
  Attend(context, op, t).run();
}

}  // namespace polysem::onednn
