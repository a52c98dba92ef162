#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "polysem/executor.hpp"
#include "polysem/gguf.hpp"
#include "polysem/site.hpp"

namespace polysem {

/// Hyper-parameters of a llama-architecture model: pre-norm blocks of grouped-query attention with rotary
/// positions and a SwiGLU MLP (Touvron et al., arXiv 2302.13971), no biases.
struct LlamaShape {
  std::int64_t blocks = 0, width = 0, mlp_width = 0;
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0;
  std::int64_t vocabulary = 0, context = 0;
  std::int64_t rotary = 0;
  float rope_base = 10000.0f, position_scale = 1.0f, rms_epsilon = 1e-5f;
  bool tied = false;  ///< the output matrix is the embedding

  /// Reads and checks a file's metadata. Throws Error{kBadInput} for another architecture, by name, for
  /// variants that this host does not compute (experts, biases, other rope scalings), and for nonsense.
  static LlamaShape read(const GgufFile& file);
};

/// Token sequences stacked in one list; their rows stay in this order everywhere.
struct TokenBatch {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> begin{0};  ///< sequence s is [begin[s], begin[s + 1])

  void add(std::span<const std::int32_t> sequence);
  std::int64_t rows() const noexcept { return static_cast<std::int64_t>(ids.size()); }
  std::int64_t sequences() const noexcept { return static_cast<std::int64_t>(begin.size()) - 1; }
};

/// Called where the computation passes `site`, with the activations of all rows (f32, whatever the precision
/// of the run). What the callback writes into them is what the model goes on with.
struct Hook {
  Site site;
  std::function<void(Executor& executor, const Tensor& activations)> callback;
};

/// Keys and values of what sequences have seen so far, so that they can be continued token by token.
class KvCache {
 public:
  std::int64_t sequences() const noexcept { return static_cast<std::int64_t>(length_.size()); }
  std::int64_t capacity() const noexcept { return capacity_; }
  std::int64_t length(std::int64_t sequence) const { return length_.at(static_cast<std::size_t>(sequence)); }

 private:
  friend class LanguageModel;
  std::int64_t capacity_ = 0;         // positions a sequence
  std::vector<std::int32_t> length_;  // of each sequence
  std::vector<Array> keys_, values_;  // of each block: [sequences * capacity, kv_heads * head_dim]
};

/// A llama-architecture model on a backend. Weights live there in f32, or in bf16 or f16 when `precision`
/// says so; the residual stream is f32 in both. Not thread-safe; keeps its working memory from one call to
/// the next.
class LanguageModel {
 public:
  /// Loads all weights. Throws as LlamaShape::read; Error{kBadInput} names a tensor that is missing, of
  /// another shape or of an unknown type. `executor` outlives the model; the file need not.
  LanguageModel(const GgufFile& file, Executor& executor, Precision precision);
  ~LanguageModel();
  LanguageModel(LanguageModel&&) noexcept;
  LanguageModel& operator=(LanguageModel&&) noexcept;

  const LlamaShape& shape() const noexcept;
  Precision precision() const noexcept;
  Executor& executor() noexcept;
  /// Width of the activations at a site.
  std::int64_t width(const Site& site) const noexcept;

  /// Runs the batch as far as the last site that a hook asks for, and no further. Hooks run in the order of
  /// computation, those of one site in the order given. Error{kInvalidArgument} for tokens outside the
  /// vocabulary, empty or overlong sequences, blocks that do not exist.
  void run(const TokenBatch& batch, std::span<const Hook> hooks);

  /// Runs the whole model; returns what the output matrix is applied to, after the final norm: f32 [rows,
  /// width]. With a cache sequence s continues the cache's sequence s.
  Array hidden(const TokenBatch& batch, std::span<const Hook> hooks = {}, KvCache* cache = nullptr);
  KvCache make_cache(std::int64_t sequences, std::int64_t capacity);

  /// f32 [number of rows, vocabulary]: the logits of some rows of `hidden`.
  Array logits(const Tensor& hidden, std::span<const std::int32_t> rows);
  /// Cross-entropy of each next token, in nats, one value a row; NaN for the last row of a sequence, which
  /// has no next token. The logits of a few hundred rows are in memory at a time.
  std::vector<float> next_token_losses(const Tensor& hidden, const TokenBatch& batch);
  /// KL(p || q) of the next-token distributions of two runs, in nats, one value a row.
  std::vector<float> kl_divergences(const Tensor& p_hidden, const Tensor& q_hidden);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct GenerateOptions {
  std::int64_t max_tokens = 64;
  float temperature = 0.0f;  ///< 0 takes the likeliest token, the lowest id of equals
  std::uint64_t seed = 0;    ///< of stream kSampling; token i uses number i
  std::int32_t stop = -1;    ///< generation ends after this token, which is not part of the result
};

/// Continues a prompt of at least one token until `max_tokens`, `stop`, or the model's context is full. Hooks
/// see the prompt's rows first, then one row a call. `on_token`, where given, hears each token and ends
/// generation by returning false.
std::vector<std::int32_t> generate(LanguageModel& model, std::span<const std::int32_t> prompt,
                                   const GenerateOptions& options, std::span<const Hook> hooks = {},
                                   const std::function<bool(std::int32_t)>& on_token = {});

}  // namespace polysem
