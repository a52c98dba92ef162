#include "polysem/language_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/host/llama_forward.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

// Rows whose logits are in memory at a time: 50 MB at a vocabulary of 49152.
constexpr std::int64_t kLogitRows = 256;

[[noreturn]] void invalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

void check_sequence(const TokenBatch& batch, std::size_t s, std::int64_t past, std::int64_t limit,
                    const LlamaShape& shape) {
  const std::int32_t first = batch.begin[s], end = batch.begin[s + 1];
  if (first < 0 || end <= first || end > batch.rows())
    invalid("sequence " + std::to_string(s) + " of the batch is empty or out of bounds");
  if (past + end - first > limit)
    invalid("sequence " + std::to_string(s) + " of the batch would be " + std::to_string(past + end - first) +
            " tokens long, the limit is " + std::to_string(limit));
  for (std::int32_t i = first; i < end; ++i) {
    const std::int32_t id = batch.ids[static_cast<std::size_t>(i)];
    if (id < 0 || id >= shape.vocabulary)
      invalid("token " + std::to_string(id) + " at row " + std::to_string(i) +
              " of the batch is outside the vocabulary of " + std::to_string(shape.vocabulary));
  }
}

void check_batch(const TokenBatch& batch, const KvCache* cache, const LlamaShape& shape) {
  if (batch.ids.empty() || batch.begin.empty() || batch.begin.front() != 0 ||
      batch.begin.back() != batch.rows())
    invalid("the batch is empty, or its sequences do not cover its tokens");
  if (cache != nullptr && cache->sequences() != batch.sequences())
    invalid("the batch has " + std::to_string(batch.sequences()) + " sequences, the cache " +
            std::to_string(cache->sequences()));
  for (std::size_t s = 0; s < static_cast<std::size_t>(batch.sequences()); ++s) {
    const std::int64_t past = cache != nullptr ? cache->length(static_cast<std::int64_t>(s)) : 0;
    check_sequence(batch, s, past, cache != nullptr ? cache->capacity() : shape.context, shape);
  }
}

}  // namespace

struct LanguageModel::Impl {
  Executor& executor;
  LlamaShape shape;
  Precision precision;
  LlamaWeights weights;
  LlamaWorkspace work;
  Array logits[2];

  void forward(const TokenBatch& batch, std::span<const Hook> hooks, const LlamaCacheView& cache,
               bool to_end) {
    const HookList list(hooks, shape);
    if (!to_end && !list.last()) return;
    LlamaForward(executor, shape, weights, precision, work, list).run(batch, cache, to_end);
  }

  // out = hidden W_out^T for the rows of `hidden`.
  void project(const Tensor& hidden, const Tensor& out) {
    executor.run(Gemm{.m = hidden.rows,
                      .n = shape.vocabulary,
                      .k = shape.width,
                      .transpose_b = true,
                      .precision = precision},
                 {.a = hidden, .b = weights.output, .bias = {}, .c = out});
  }

  // Logits of rows [first, first + count) in buffer 0 or 1.
  Tensor logits_chunk(int which, const Tensor& hidden, std::int64_t first, std::int64_t count) {
    Array& buffer = logits[which];
    if (buffer.rows() < count) {
      buffer = {};
      buffer = executor.make(count, shape.vocabulary);
    }
    const Tensor chunk = buffer.view().row_range(0, count);
    project(hidden.row_range(first, count), chunk);
    return chunk;
  }

  void check_hidden(const Tensor& hidden) const {
    if (hidden.cols != shape.width || hidden.dtype != DType::kF32)
      invalid("expected hidden states of f32 [rows, " + std::to_string(shape.width) + "]");
  }
};

void TokenBatch::add(std::span<const std::int32_t> sequence) {
  if (sequence.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) - ids.size())
    invalid("a batch holds less than 2^31 tokens");
  ids.insert(ids.end(), sequence.begin(), sequence.end());
  begin.push_back(static_cast<std::int32_t>(ids.size()));
}

LanguageModel::LanguageModel(const GgufFile& file, Executor& executor, Precision precision) {
  const LlamaShape shape = LlamaShape::read(file);
  impl_ = std::unique_ptr<Impl>(
      new Impl{executor, shape, precision, load_llama(file, shape, executor, precision), {}, {}});
}

LanguageModel::~LanguageModel() = default;
LanguageModel::LanguageModel(LanguageModel&&) noexcept = default;
LanguageModel& LanguageModel::operator=(LanguageModel&&) noexcept = default;

const LlamaShape& LanguageModel::shape() const noexcept { return impl_->shape; }
Precision LanguageModel::precision() const noexcept { return impl_->precision; }
Executor& LanguageModel::executor() noexcept { return impl_->executor; }

std::int64_t LanguageModel::width(const Site& site) const noexcept {
  return site.kind == SiteKind::kMlpPost ? impl_->shape.mlp_width : impl_->shape.width;
}

void LanguageModel::run(const TokenBatch& batch, std::span<const Hook> hooks) {
  check_batch(batch, nullptr, impl_->shape);
  impl_->forward(batch, hooks, {}, false);
}

Array LanguageModel::hidden(const TokenBatch& batch, std::span<const Hook> hooks, KvCache* cache) {
  const LlamaShape& shape = impl_->shape;
  check_batch(batch, cache, shape);
  LlamaCacheView view;
  if (cache != nullptr) view = {&cache->keys_, &cache->values_, &cache->length_, cache->capacity_};
  impl_->forward(batch, hooks, view, true);
  Array out = impl_->executor.make(batch.rows(), shape.width);
  impl_->executor.run(RmsNorm{.rows = batch.rows(), .cols = shape.width, .epsilon = shape.rms_epsilon},
                      {.x = impl_->work.residual.view().row_range(0, batch.rows()),
                       .weight = impl_->weights.final_norm,
                       .out = out});
  if (cache != nullptr)
    for (std::size_t s = 0; s < cache->length_.size(); ++s)
      cache->length_[s] += batch.begin[s + 1] - batch.begin[s];
  return out;
}

KvCache LanguageModel::make_cache(std::int64_t sequences, std::int64_t capacity) {
  const LlamaShape& shape = impl_->shape;
  if (sequences < 1 || capacity < 1 || capacity > shape.context ||
      sequences > std::numeric_limits<std::int32_t>::max() / capacity)
    invalid("a cache of " + std::to_string(sequences) + " sequences of " + std::to_string(capacity) +
            " tokens: expected at least one of each, and at most the model's context of " +
            std::to_string(shape.context));
  KvCache cache;
  cache.capacity_ = capacity;
  cache.length_.resize(static_cast<std::size_t>(sequences));
  const DType type = storage_type(impl_->precision);
  for (std::int64_t i = 0; i < shape.blocks; ++i) {
    cache.keys_.push_back(impl_->executor.make(sequences * capacity, shape.kv_heads * shape.head_dim, type));
    cache.values_.push_back(
        impl_->executor.make(sequences * capacity, shape.kv_heads * shape.head_dim, type));
  }
  return cache;
}

Array LanguageModel::logits(const Tensor& hidden, std::span<const std::int32_t> rows) {
  impl_->check_hidden(hidden);
  for (const std::int32_t row : rows)
    if (row < 0 || row >= hidden.rows)
      invalid("logits of row " + std::to_string(row) + ": there are " + std::to_string(hidden.rows) +
              " rows");
  Executor& executor = impl_->executor;
  const auto count = static_cast<std::int64_t>(rows.size());
  const Array ids = executor.make_from(1, count, rows), picked = executor.make(count, impl_->shape.width);
  Array out = executor.make(count, impl_->shape.vocabulary);
  executor.run(GatherRows{.rows = count, .cols = impl_->shape.width, .table_rows = hidden.rows},
               {.table = hidden, .ids = ids, .out = picked});
  impl_->project(picked, out);
  return out;
}

std::vector<float> LanguageModel::next_token_losses(const Tensor& hidden, const TokenBatch& batch) {
  impl_->check_hidden(hidden);
  check_batch(batch, nullptr, impl_->shape);
  if (hidden.rows != batch.rows()) invalid("losses: hidden states and batch have different numbers of rows");
  Executor& executor = impl_->executor;
  std::vector<std::int32_t> next(batch.ids.begin() + 1, batch.ids.end());
  next.push_back(0);
  const Array targets = executor.make_from(1, batch.rows(), next), loss = executor.make(1, batch.rows());
  for (std::int64_t first = 0; first < batch.rows(); first += kLogitRows) {
    const std::int64_t count = std::min(kLogitRows, batch.rows() - first);
    executor.run(CrossEntropy{.rows = count, .classes = impl_->shape.vocabulary},
                 {.logits = impl_->logits_chunk(0, hidden, first, count),
                  .targets = targets.view().col_range(first, count),
                  .loss = loss.view().col_range(first, count)});
  }
  std::vector<float> losses = executor.download_f32(loss);
  for (std::size_t s = 1; s < batch.begin.size(); ++s)
    losses[static_cast<std::size_t>(batch.begin[s] - 1)] = std::numeric_limits<float>::quiet_NaN();
  return losses;
}

std::vector<float> LanguageModel::kl_divergences(const Tensor& p_hidden, const Tensor& q_hidden) {
  impl_->check_hidden(p_hidden);
  impl_->check_hidden(q_hidden);
  if (p_hidden.rows != q_hidden.rows) invalid("kl_divergences: the two runs have different numbers of rows");
  Executor& executor = impl_->executor;
  const Array divergence = executor.make(1, p_hidden.rows);
  for (std::int64_t first = 0; first < p_hidden.rows; first += kLogitRows) {
    const std::int64_t count = std::min(kLogitRows, p_hidden.rows - first);
    executor.run(KlDivergence{.rows = count, .classes = impl_->shape.vocabulary},
                 {.p_logits = impl_->logits_chunk(0, p_hidden, first, count),
                  .q_logits = impl_->logits_chunk(1, q_hidden, first, count),
                  .divergence = divergence.view().col_range(first, count)});
  }
  return executor.download_f32(divergence);
}

}  // namespace polysem
