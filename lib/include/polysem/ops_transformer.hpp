#pragma once

#include <string>

#include "polysem/operand.hpp"

/// Ops that only the transformer host needs. Rows of several sequences are stacked in one matrix.
namespace polysem {

/// out = x / sqrt(mean(x^2) + epsilon) * weight, row by row (Zhang & Sennrich, arXiv 1910.07467).
struct RmsNorm {
  static constexpr std::string_view kName = "rms_norm";
  std::int64_t rows = 0, cols = 0;
  float epsilon = 1e-5f;

  struct Operands {
    Tensor x;       ///< f32 or bf16 [rows, cols]
    Tensor weight;  ///< f32 [1, cols], optional
    Tensor out;     ///< f32 or bf16 [rows, cols]
  };
  std::array<OperandSpec, kOperandCount<RmsNorm>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("cols", cols), f("epsilon", epsilon);
  }
};

/// Rotary position embedding in place (Su et al., arXiv 2104.09864): in each head the pair number i is turned
/// by position * position_scale * base^(-2 i / rotary). Pairs are (2 i, 2 i + 1) when `interleaved`, else (i,
/// i + rotary / 2).
struct Rope {
  static constexpr std::string_view kName = "rope";
  std::int64_t rows = 0, heads = 0, head_dim = 0;
  std::int64_t rotary = 0;  ///< leading dimensions of a head that turn, even, <= head_dim
  bool interleaved = true;
  float base = 10000.0f;
  float position_scale = 1.0f;  ///< below 1 stretches the context (Chen et al., arXiv 2306.15595)

  struct Operands {
    Tensor positions;  ///< i32 [1, rows]
    Tensor x;          ///< f32 or bf16 [rows, heads head_dim]
  };
  std::array<OperandSpec, kOperandCount<Rope>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("heads", heads), f("head_dim", head_dim), f("rotary", rotary),
        f("interleaved", interleaved);
    f("base", base), f("position_scale", position_scale);
  }
};

/// Causal attention of several sequences; query head h reads key-value head h / (heads / kv_heads). Sequence
/// s has queries [query_begin[s], query_begin[s+1]) and keys [key_begin[s], key_begin[s] + key_count[s]); its
/// queries are the last positions, so query i of q sees the first key_count - q + i + 1 keys. Softmax of
/// scale * q . k.
struct Attention {
  static constexpr std::string_view kName = "attention";
  std::int64_t rows = 0, key_rows = 0, sequences = 0;
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0;
  float scale = 1.0f;
  Precision precision = Precision::kF32;

  struct Operands {
    Tensor query;        ///< f32 or bf16 [rows, heads head_dim]
    Tensor key;          ///< f32 or bf16 [key_rows, kv_heads head_dim]
    Tensor value;        ///< as key
    Tensor query_begin;  ///< i32 [1, sequences + 1], ascending
    Tensor key_begin;    ///< i32 [1, sequences]
    Tensor key_count;    ///< i32 [1, sequences], at least the sequence's number of queries
    Tensor out;          ///< f32 or bf16 [rows, heads head_dim]
  };
  std::array<OperandSpec, kOperandCount<Attention>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("key_rows", key_rows), f("sequences", sequences), f("heads", heads),
        f("kv_heads", kv_heads);
    f("head_dim", head_dim), f("scale", scale), f("precision", precision);
  }
};

/// loss[r] = log sum_c exp(logits[r, c]) - logits[r, target[r]], in nats. A target outside the classes gives
/// 0.
struct CrossEntropy {
  static constexpr std::string_view kName = "cross_entropy";
  std::int64_t rows = 0, classes = 0;

  struct Operands {
    Tensor logits;   ///< f32 or bf16 [rows, classes]
    Tensor targets;  ///< i32 [1, rows]
    Tensor loss;     ///< f32 [1, rows]
  };
  std::array<OperandSpec, kOperandCount<CrossEntropy>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("classes", classes);
  }
};

/// divergence[r] = KL(softmax(p[r]) || softmax(q[r])) = sum p log(p / q), in nats.
struct KlDivergence {
  static constexpr std::string_view kName = "kl_divergence";
  std::int64_t rows = 0, classes = 0;

  struct Operands {
    Tensor p_logits, q_logits;  ///< f32 or bf16 [rows, classes]
    Tensor divergence;          ///< f32 [1, rows]
  };
  std::array<OperandSpec, kOperandCount<KlDivergence>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("classes", classes);
  }
};

}  // namespace polysem
