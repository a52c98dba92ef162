#pragma once

#include "lib/host/hook_list.hpp"
#include "lib/host/llama_weights.hpp"

namespace polysem {

/// Working memory of forward passes, kept between them: fresh pages cost more than the arithmetic on them.
struct LlamaWorkspace {
  Array residual;    ///< f32 [rows, width]
  Array normed;      ///< [rows, width], in the type of the weights like all that follow
  Array qkv;         ///< [rows, (heads + 2 kv_heads) head_dim]
  Array attended;    ///< [rows, heads head_dim]
  Array gate_up;     ///< [kMlpRows, 2 mlp_width]
  Array activation;  ///< [rows, mlp_width]
  Array branch;      ///< f32 [rows, width]: an output that a hook wants to see before it joins the stream
  Array ids, positions, cache_rows;         ///< i32 [1, rows]
  Array query_begin, key_begin, key_count;  ///< i32 [1, sequences + 1]

  /// Rows of the MLP that are in flight at a time, so that its widest activations stay in a CPU's cache.
  static constexpr std::int64_t kMlpRows = 1024;

  void reserve(Executor& executor, const LlamaShape& shape, DType type, std::int64_t rows,
               std::int64_t sequences);
};

/// Where the keys of cached sequences lie; null pointers without a cache.
struct LlamaCacheView {
  const std::vector<Array>* keys = nullptr;
  const std::vector<Array>* values = nullptr;
  const std::vector<std::int32_t>* length = nullptr;
  std::int64_t capacity = 0;
};

/// One pass of a batch through the blocks.
class LlamaForward {
 public:
  LlamaForward(Executor& executor, const LlamaShape& shape, const LlamaWeights& weights, Precision precision,
               LlamaWorkspace& workspace, const HookList& hooks);

  /// Leaves the residual stream in the workspace. Without `to_end`, stops once the last hook has run.
  void run(const TokenBatch& batch, const LlamaCacheView& cache, bool to_end);

 private:
  void prepare(const TokenBatch& batch, const LlamaCacheView& cache);
  // These return true when nothing further is wanted.
  bool block(std::int64_t index);
  bool attention(std::int64_t index);
  bool mlp(std::int64_t index);
  bool add(const Tensor& input, const Tensor& weight, const Site& site);
  bool pass(const Site& site, const Tensor& activations);

  void norm(const Tensor& weight);
  void multiply(const Tensor& input, const Tensor& weight, const Tensor& output, float beta = 0.0f);
  void attend(std::int64_t index);

  Executor& executor_;
  const LlamaShape& shape_;
  const LlamaWeights& weights_;
  Precision precision_;
  LlamaWorkspace& work_;
  const HookList& hooks_;
  LlamaCacheView cache_;
  bool to_end_ = false;
  std::int64_t rows_ = 0, sequences_ = 0;
};

}  // namespace polysem
