#pragma once

#include <string>

#include "polysem/ops_dense.hpp"

/// Ops of sparse coders. Weights are kept latent by latent: W_enc [latents, d_in] and W_dec [latents, d_out],
/// so that everything about one latent is one row. `k` > 0 says that every row of the codes has k entries; 0
/// that `row_offsets` tells. See SparseCodes for the layout.
namespace polysem {

/// Pre-activations h = x W_enc^T + b_enc and of each row the k latents with the largest h * scale, ties to
/// the lowest latent; then ReLU: values = max(h, 0) (Gao et al., arXiv 2406.04093, section 2.3). The batch x
/// latents matrix need not exist. With `candidates` only those latents (ids ascending, distinct) take part:
/// AuxK over dead latents. `nonfinite`, where given, grows by the number of rows with a NaN or infinite
/// pre-activation; such rows get k entries of value 0.
struct EncodeTopK {
  static constexpr std::string_view kName = "encode_topk";
  std::int64_t rows = 0, d_in = 0, latents = 0, k = 0;
  std::int64_t candidates = 0;            ///< length of the operand, 0 for all latents
  Precision precision = Precision::kF32;  ///< kF32 selects exactly as an f32 product would

  struct Operands {
    Tensor x;           ///< f32 or bf16 [rows, d_in], already centred by b_dec
    Tensor w_enc;       ///< f32 or bf16 [latents, d_in]
    Tensor b_enc;       ///< f32 [1, latents]
    Tensor scale;       ///< f32 [1, latents], optional: decoder norms rank latents in norm-aware coders
    Tensor candidates;  ///< i32 [1, candidates], optional
    Tensor values;      ///< f32 [1, rows k]
    Tensor ids;         ///< i32 [1, rows k]
    Tensor nonfinite;   ///< u32 [1, 1], optional
  };
  std::array<OperandSpec, kOperandCount<EncodeTopK>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("d_in", d_in), f("latents", latents), f("k", k), f("candidates", candidates);
    f("precision", precision);
  }
};

/// Codes of variable row length: for each row the latents whose pre-activation h = x W_enc^T + b_enc is above
/// max(threshold, 0), with value h. Without `threshold` that is ReLU; with one a latent it is JumpReLU
/// (Rajamanoharan et al., arXiv 2407.14435), and BatchTopK after training.
///
/// `band` > 0 asks for a second list, what straight-through gradients of the threshold need: the entries with
/// h > 0 and threshold - band / 2 < h < threshold + band / 2, each with the value 1 / band, the rectangular
/// pseudo-derivative of the step (ibid., equation 11).
///
/// A list that does not fit its capacity is left empty (all offsets 0), and `needed` says how long it would
/// have been. `nonfinite`, where given, grows by the number of rows with a NaN or infinite pre-activation;
/// such rows get no entries.
struct EncodeThreshold {
  static constexpr std::string_view kName = "encode_threshold";
  std::int64_t rows = 0, d_in = 0, latents = 0;
  std::int64_t capacity = 0, band_capacity = 0;
  float band = 0.0f;                      ///< width; 0 for no second list
  Precision precision = Precision::kF32;  ///< kF32 selects exactly as an f32 product would

  struct Operands {
    Tensor x;          ///< f32 or bf16 [rows, d_in], already centred by b_dec
    Tensor w_enc;      ///< f32 or bf16 [latents, d_in]
    Tensor b_enc;      ///< f32 [1, latents]
    Tensor threshold;  ///< f32 [1, latents], optional
    Tensor values, ids, row_offsets;
    Tensor band_values, band_ids, band_offsets;  ///< with band > 0
    Tensor needed;                               ///< u32 [1, 2]: entries of both lists, at most 2^32 - 1
    Tensor nonfinite;                            ///< u32 [1, 1], optional
  };
  std::array<OperandSpec, kOperandCount<EncodeThreshold>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("d_in", d_in), f("latents", latents), f("capacity", capacity);
    f("band_capacity", band_capacity), f("band", band), f("precision", precision);
  }
};

/// BatchTopK (Bussmann et al., arXiv 2412.06410): of all positive pre-activations of the batch the `total`
/// with the largest h * scale, ties to the lowest row, then to the lowest latent. Codes of variable row
/// length. `threshold` receives the smallest h * scale that was kept, 0 where none is positive. `nonfinite`
/// as in EncodeThreshold.
struct EncodeBatchTopK {
  static constexpr std::string_view kName = "encode_batch_topk";
  std::int64_t rows = 0, d_in = 0, latents = 0, total = 0;
  Precision precision = Precision::kF32;  ///< kF32 selects exactly as an f32 product would

  struct Operands {
    Tensor x;            ///< f32 or bf16 [rows, d_in], already centred by b_dec
    Tensor w_enc;        ///< f32 or bf16 [latents, d_in]
    Tensor b_enc;        ///< f32 [1, latents]
    Tensor scale;        ///< f32 [1, latents], optional: decoder norms rank latents in norm-aware coders
    Tensor values, ids;  ///< [1, total]
    Tensor row_offsets;  ///< i32 [1, rows + 1]
    Tensor threshold;    ///< f32 [1, 1]
    Tensor nonfinite;    ///< u32 [1, 1], optional
  };
  std::array<OperandSpec, kOperandCount<EncodeBatchTopK>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("d_in", d_in), f("latents", latents), f("total", total), f("precision", precision);
  }
};

/// y = sum of value * W_dec[latent] over the row's entries + bias + base. Writes what is asked for of: y
/// itself, error = y - target, and row_loss = |y - target|^2.
struct SparseDecode {
  static constexpr std::string_view kName = "sparse_decode";
  std::int64_t rows = 0, latents = 0, d_out = 0, k = 0;
  std::int64_t capacity = 0;  ///< entries in `values` and `ids`

  struct Operands {
    Tensor values, ids, row_offsets;
    Tensor w_dec;     ///< f32 or bf16 [latents, d_out]
    Tensor bias;      ///< f32 [1, d_out], optional
    Tensor base;      ///< f32 [rows, d_out], optional: what a skip connection gives
    Tensor target;    ///< f32 [rows, d_out], needed for error and row_loss
    Tensor output;    ///< f32 [rows, d_out], optional
    Tensor error;     ///< f32 [rows, d_out], optional
    Tensor row_loss;  ///< f32 [1, rows], optional
  };
  std::array<OperandSpec, kOperandCount<SparseDecode>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("latents", latents), f("d_out", d_out), f("k", k), f("capacity", capacity);
  }
};

/// Gradient of the loss with respect to each entry's pre-activation: scale * (error_row . W_dec[latent]) +
/// penalty where value > 0, else 0 (selection and ReLU pass the gradient of what they let through). `penalty`
/// is what an L1 term adds for each active latent.
struct SparseGradValues {
  static constexpr std::string_view kName = "sparse_grad_values";
  std::int64_t rows = 0, latents = 0, d_out = 0, k = 0, capacity = 0;
  float scale = 1.0f, penalty = 0.0f;

  struct Operands {
    Tensor error;  ///< f32 [rows, d_out]
    Tensor w_dec;  ///< f32 or bf16 [latents, d_out]
    Tensor values, ids, row_offsets;
    Tensor gradient;  ///< f32 [1, capacity]
  };
  std::array<OperandSpec, kOperandCount<SparseGradValues>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("latents", latents), f("d_out", d_out), f("k", k), f("capacity", capacity),
        f("scale", scale), f("penalty", penalty);
  }
};

/// Gradient of JumpReLU's thresholds from the band of EncodeThreshold, sorted by latent (TransposeCodes):
///   g[j] = - sum value * (threshold[j] * gradient + penalty),
/// where gradient is the loss's with respect to the latent's output (SparseGradValues over the band) and
/// `penalty` the weight of one active latent in the loss (arXiv 2407.14435, equations 11 and 12). The sum
/// runs in ascending order.
struct ThresholdGrad {
  static constexpr std::string_view kName = "threshold_grad";
  std::int64_t latents = 0, capacity = 0;
  float penalty = 0.0f;

  struct Operands {
    Tensor begin;             ///< i32 [1, latents + 1]
    Tensor entries;           ///< i32 [1, capacity]
    Tensor values, gradient;  ///< f32 [1, capacity]
    Tensor threshold;         ///< f32 [1, latents]
    Tensor out;               ///< f32 [1, latents]
  };
  std::array<OperandSpec, kOperandCount<ThresholdGrad>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("latents", latents), f("capacity", capacity), f("penalty", penalty);
  }
};

/// Who fired each latent: begin[j] .. begin[j+1] are the places in `entries` (index into the codes) and
/// `entry_rows` (its row) of latent j's active entries (value != 0), in ascending order of the entry.
struct TransposeCodes {
  static constexpr std::string_view kName = "transpose_codes";
  std::int64_t rows = 0, latents = 0, k = 0, capacity = 0;

  struct Operands {
    Tensor values, ids, row_offsets;
    Tensor begin;       ///< i32 [1, latents + 1]
    Tensor entries;     ///< i32 [1, capacity]
    Tensor entry_rows;  ///< i32 [1, capacity]
  };
  std::array<OperandSpec, kOperandCount<TransposeCodes>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("latents", latents), f("k", k), f("capacity", capacity);
  }
};

/// Gradients of all parameters of the latents, from codes sorted by latent (TransposeCodes); the sum over a
/// latent's entries runs in ascending order:
///   g_dec[j] = decoder_scale * sum value * error[row],  g_enc[j] = sum gradient * x[row],  g_b[j] = sum
///   gradient.
/// `accumulate` adds to what is there, so that several code lists (AuxK) add up.
struct LatentGrad {
  static constexpr std::string_view kName = "latent_grad";
  std::int64_t rows = 0, latents = 0, d_in = 0, d_out = 0, capacity = 0;
  float decoder_scale = 1.0f;
  bool accumulate = false;

  struct Operands {
    Tensor begin, entries, entry_rows;  ///< as TransposeCodes writes them
    Tensor values, gradient;            ///< f32 [1, capacity]
    Tensor error;                       ///< f32 [rows, d_out]
    Tensor x;                           ///< f32 [rows, d_in]
    Tensor g_enc;                       ///< f32 [latents, d_in]
    Tensor g_dec;                       ///< f32 [latents, d_out]
    Tensor g_b;                         ///< f32 [1, latents]
  };
  std::array<OperandSpec, kOperandCount<LatentGrad>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("latents", latents), f("d_in", d_in), f("d_out", d_out), f("capacity", capacity);
    f("decoder_scale", decoder_scale), f("accumulate", accumulate);
  }
};

/// LatentGrad and the optimiser step in one pass over the latents; no gradient matrix is written. Per latent:
/// sum the main list and, where given, the second list (AuxK: its own codes, gradients and error; the same
/// rows of x); with `unit_norm` project the decoder gradient (ProjectRows), step, and renormalise the decoder
/// row. Latents without entries step too, on a zero gradient. `input_gradient` [1, d_in] receives sum_j
/// g_b[j] W_enc[j] with W_enc as it was before the step: what b_dec needs, since the encoder sees x - b_dec.
/// Low-precision copies of the new weights are written where given.
struct LatentUpdate {
  static constexpr std::string_view kName = "latent_update";
  std::int64_t rows = 0, latents = 0, d_in = 0, d_out = 0;
  std::int64_t capacity = 0, aux_capacity = 0;  ///< entries of the main and the second list (0: none)
  float decoder_scale = 1.0f, aux_decoder_scale = 1.0f;
  bool unit_norm = false;
  AdamStep adam{};

  struct Operands {
    Tensor begin, entries, entry_rows, values, gradient, error, x;
    Tensor aux_begin, aux_entries, aux_entry_rows, aux_values, aux_gradient, aux_error;
    Tensor w_enc, w_dec, b_enc;
    Tensor m_enc, v_enc, m_dec, v_dec, m_b, v_b;
    Tensor input_gradient;        ///< optional
    Tensor w_enc_low, w_dec_low;  ///< bf16, optional
  };
  std::array<OperandSpec, kOperandCount<LatentUpdate>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("latents", latents), f("d_in", d_in), f("d_out", d_out), f("capacity", capacity);
    f("aux_capacity", aux_capacity), f("decoder_scale", decoder_scale),
        f("aux_decoder_scale", aux_decoder_scale);
    f("unit_norm", unit_norm), f("rate", adam.rate), f("beta1", adam.beta1), f("beta2", adam.beta2);
    f("epsilon", adam.epsilon), f("weight_decay", adam.weight_decay), f("step", adam.step);
  }
};

/// Counts firings: fired[j] += firings of j; since[j] = 0 where j fired, else since[j] + rows. Both stop at
/// 2^32 - 1 instead of wrapping. The firings come from sorted codes, or from `counts` where codes are dense.
struct FiringStats {
  static constexpr std::string_view kName = "firing_stats";
  std::int64_t rows = 0, latents = 0;

  struct Operands {
    Tensor begin;   ///< i32 [1, latents + 1], or absent
    Tensor counts;  ///< f32 [1, latents], absent with `begin`
    Tensor fired;   ///< u32 [1, latents]
    Tensor since;   ///< u32 [1, latents], samples since the latent last fired
  };
  std::array<OperandSpec, kOperandCount<FiringStats>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("latents", latents);
  }
};

/// Sparse codes as a dense matrix with zeros.
struct ScatterDense {
  static constexpr std::string_view kName = "scatter_dense";
  std::int64_t rows = 0, latents = 0, k = 0, capacity = 0;

  struct Operands {
    Tensor values, ids, row_offsets;
    Tensor out;  ///< f32 [rows, latents]
  };
  std::array<OperandSpec, kOperandCount<ScatterDense>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("latents", latents), f("k", k), f("capacity", capacity);
  }
};

}  // namespace polysem
