#include "lib/host/llama_forward.hpp"

#include <algorithm>
#include <cmath>

namespace polysem {

void LlamaWorkspace::reserve(Executor& executor, const LlamaShape& s, DType type, std::int64_t rows,
                             std::int64_t sequences) {
  if (rows > residual.rows()) {
    *this = {};  // gives back before it takes
    residual = executor.make(rows, s.width);
    normed = executor.make(rows, s.width, type);
    qkv = executor.make(rows, (s.heads + 2 * s.kv_heads) * s.head_dim, type);
    attended = executor.make(rows, s.heads * s.head_dim, type);
    gate_up = executor.make(std::min(rows, kMlpRows), 2 * s.mlp_width, type);
    activation = executor.make(rows, s.mlp_width, type);
    branch = executor.make(rows, s.width);
    for (Array* list : {&ids, &positions, &cache_rows}) *list = executor.make(1, rows, DType::kI32);
  }
  if (sequences + 1 > query_begin.cols())
    for (Array* list : {&query_begin, &key_begin, &key_count})
      *list = executor.make(1, sequences + 1, DType::kI32);
}

LlamaForward::LlamaForward(Executor& executor, const LlamaShape& shape, const LlamaWeights& weights,
                           Precision precision, LlamaWorkspace& workspace, const HookList& hooks)
    : executor_(executor),
      shape_(shape),
      weights_(weights),
      precision_(precision),
      work_(workspace),
      hooks_(hooks) {}

void LlamaForward::run(const TokenBatch& batch, const LlamaCacheView& cache, bool to_end) {
  to_end_ = to_end;
  prepare(batch, cache);
  executor_.run(GatherRows{.rows = rows_, .cols = shape_.width, .table_rows = shape_.vocabulary},
                {.table = weights_.embedding,
                 .ids = work_.ids.view().col_range(0, rows_),
                 .out = work_.residual.view().row_range(0, rows_)});
  for (std::int64_t i = 0; i < shape_.blocks; ++i)
    if (block(i)) return;
}

// Token ids, positions and the sequences' borders go to the device.
void LlamaForward::prepare(const TokenBatch& batch, const LlamaCacheView& cache) {
  cache_ = cache;
  rows_ = batch.rows();
  sequences_ = batch.sequences();
  work_.reserve(executor_, shape_, storage_type(precision_), rows_, sequences_);
  std::vector<std::int32_t> positions, cache_rows, key_begin, key_count;
  for (std::size_t s = 0; s < static_cast<std::size_t>(sequences_); ++s) {
    const std::int32_t count = batch.begin[s + 1] - batch.begin[s];
    const std::int32_t past = cache.length != nullptr ? (*cache.length)[s] : 0;
    const auto base = static_cast<std::int32_t>(static_cast<std::int64_t>(s) * cache.capacity);
    for (std::int32_t i = 0; i < count; ++i) {
      positions.push_back(past + i);
      cache_rows.push_back(base + past + i);
    }
    key_begin.push_back(cache.length != nullptr ? base : batch.begin[s]);
    key_count.push_back(past + count);
  }
  const auto put = [&](const Array& list, const std::vector<std::int32_t>& values) {
    executor_.upload(list.view().col_range(0, static_cast<std::int64_t>(values.size())), values);
  };
  put(work_.ids, batch.ids);
  put(work_.positions, positions);
  put(work_.query_begin, batch.begin);
  put(work_.key_begin, key_begin);
  put(work_.key_count, key_count);
  if (cache.keys != nullptr) put(work_.cache_rows, cache_rows);
}

bool LlamaForward::block(std::int64_t index) {
  const Tensor residual = work_.residual.view().row_range(0, rows_);
  return pass({index, SiteKind::kResidPre}, residual) || attention(index) ||
         pass({index, SiteKind::kResidMid}, residual) || mlp(index) ||
         pass({index, SiteKind::kResidPost}, residual);
}

bool LlamaForward::attention(std::int64_t index) {
  const LlamaBlock& weights = weights_.blocks[static_cast<std::size_t>(index)];
  const Tensor qkv = work_.qkv.view().row_range(0, rows_);
  const std::int64_t turned = shape_.heads + shape_.kv_heads;  // queries and keys lie side by side
  norm(weights.attention_norm);
  multiply(work_.normed.view().row_range(0, rows_), weights.qkv, qkv);
  executor_.run(Rope{.rows = rows_,
                     .heads = turned,
                     .head_dim = shape_.head_dim,
                     .rotary = shape_.rotary,
                     .interleaved = true,
                     .base = shape_.rope_base,
                     .position_scale = shape_.position_scale},
                {.positions = work_.positions.view().col_range(0, rows_),
                 .x = qkv.col_range(0, turned * shape_.head_dim)});
  attend(index);
  return add(work_.attended.view().row_range(0, rows_), weights.attention_out, {index, SiteKind::kAttnOut});
}

void LlamaForward::attend(std::int64_t index) {
  const std::int64_t query = shape_.heads * shape_.head_dim, kv = shape_.kv_heads * shape_.head_dim;
  const Tensor qkv = work_.qkv.view().row_range(0, rows_);
  Tensor keys = qkv.col_range(query, kv), values = qkv.col_range(query + kv, kv);
  if (cache_.keys != nullptr) {
    const auto store = [&](const Tensor& rows, const Tensor& table) {
      executor_.run(ScatterRows{.rows = rows_, .cols = kv, .table_rows = table.rows},
                    {.source = rows, .ids = work_.cache_rows.view().col_range(0, rows_), .table = table});
      return table;
    };
    keys = store(keys, (*cache_.keys)[static_cast<std::size_t>(index)]);
    values = store(values, (*cache_.values)[static_cast<std::size_t>(index)]);
  }
  executor_.run(Attention{.rows = rows_,
                          .key_rows = keys.rows,
                          .sequences = sequences_,
                          .heads = shape_.heads,
                          .kv_heads = shape_.kv_heads,
                          .head_dim = shape_.head_dim,
                          .scale = 1.0f / std::sqrt(static_cast<float>(shape_.head_dim)),
                          .precision = precision_},
                {.query = qkv.col_range(0, query),
                 .key = keys,
                 .value = values,
                 .query_begin = work_.query_begin.view().col_range(0, sequences_ + 1),
                 .key_begin = work_.key_begin.view().col_range(0, sequences_),
                 .key_count = work_.key_count.view().col_range(0, sequences_),
                 .out = work_.attended.view().row_range(0, rows_)});
}

bool LlamaForward::mlp(std::int64_t index) {
  const LlamaBlock& weights = weights_.blocks[static_cast<std::size_t>(index)];
  const Tensor normed = work_.normed.view().row_range(0, rows_);
  const Tensor activation = work_.activation.view().row_range(0, rows_);
  norm(weights.mlp_norm);
  if (pass({index, SiteKind::kLn2Normalized}, normed)) return true;
  for (std::int64_t first = 0; first < rows_; first += LlamaWorkspace::kMlpRows) {
    const std::int64_t count = std::min(LlamaWorkspace::kMlpRows, rows_ - first);
    const Tensor gate_up = work_.gate_up.view().row_range(0, count);
    multiply(normed.row_range(first, count), weights.gate_up, gate_up);
    executor_.run(Elementwise{.kind = Elementwise::Kind::kSiluMul,
                              .rows = count,
                              .cols = shape_.mlp_width,
                              .b_rows = count,
                              .b_cols = shape_.mlp_width},
                  {.a = gate_up.col_range(0, shape_.mlp_width),
                   .b = gate_up.col_range(shape_.mlp_width, shape_.mlp_width),
                   .out = activation.row_range(first, count)});
  }
  if (pass({index, SiteKind::kMlpPost}, activation)) return true;
  return add(activation, weights.down, {index, SiteKind::kMlpOut});
}

// residual += input weight^T, in one product unless a hook wants to see the sum before.
bool LlamaForward::add(const Tensor& input, const Tensor& weight, const Site& site) {
  const Tensor residual = work_.residual.view().row_range(0, rows_);
  if (!hooks_.wants(site)) {
    multiply(input, weight, residual, 1.0f);
    return false;
  }
  const Tensor branch = work_.branch.view().row_range(0, rows_);
  multiply(input, weight, branch);
  if (pass(site, branch)) return true;
  executor_.run(Elementwise{.kind = Elementwise::Kind::kAxpby,
                            .rows = rows_,
                            .cols = shape_.width,
                            .b_rows = rows_,
                            .b_cols = shape_.width,
                            .beta = 1.0f},
                {.a = residual, .b = branch, .out = residual});
  return false;
}

bool LlamaForward::pass(const Site& site, const Tensor& activations) {
  hooks_.visit(executor_, site, activations);
  return !to_end_ && hooks_.last() && site >= *hooks_.last();
}

void LlamaForward::norm(const Tensor& weight) {
  executor_.run(RmsNorm{.rows = rows_, .cols = shape_.width, .epsilon = shape_.rms_epsilon},
                {.x = work_.residual.view().row_range(0, rows_),
                 .weight = weight,
                 .out = work_.normed.view().row_range(0, rows_)});
}

void LlamaForward::multiply(const Tensor& input, const Tensor& weight, const Tensor& output, float beta) {
  executor_.run(Gemm{.m = input.rows,
                     .n = weight.rows,
                     .k = weight.cols,
                     .transpose_b = true,
                     .beta = beta,
                     .precision = precision_},
                {.a = input, .b = weight, .bias = {}, .c = output});
}

}  // namespace polysem
