#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "polysem/executor.hpp"

namespace polysem {

/// How the rows of W_dec are kept during training.
enum class DecoderConstraint : std::uint8_t {
  kNone,      ///< free
  kUnitNorm,  ///< length 1: the gradient along the row is projected out, rows are renormalised after each
              ///< step
  kNormAware  ///< free; latents compete for selection by pre-activation times decoder norm, folded at save
};
std::string_view name(DecoderConstraint constraint) noexcept;

/// What a sparse coder is: h = x W_enc + b_enc, f = sigma(h), y = f W_dec + b_dec. The fields that a recipe
/// does not use are ignored by it.
struct CoderConfig {
  std::string recipe = "topk";
  std::int64_t d_in = 0, d_out = 0, latents = 0;
  std::int64_t k = 32;               ///< active latents a row, kept or aimed at; 0: not known
  bool apply_b_dec_to_input = true;  ///< the encoder sees x - b_dec
  DecoderConstraint decoder = DecoderConstraint::kUnitNorm;
  Precision precision = Precision::kF32;
  float threshold_rate = 0.01f;  ///< of the running mean that BatchTopK's threshold for inference is
  float bandwidth = 0.5f;  ///< of the straight-through gradients of thresholds, in units of pre-activations

  std::int64_t aux_k = 256;              ///< AuxK: dead latents that model the error of a row; 0 turns it off
  float aux_coefficient = 1.0f / 32.0f;  ///< AuxK: weight of its loss
  std::int64_t dead_window = 10'000'000;  ///< a latent that has not fired for so many samples is dead
};

/// Checks a config's numbers; throws Error{kInvalidArgument} that names the option.
void validate(const CoderConfig& config);

/// Weights on the host, latent by latent.
struct CoderWeights {
  std::vector<float> w_enc;  ///< [latents, d_in]
  std::vector<float> w_dec;  ///< [latents, d_out]
  std::vector<float> b_enc;  ///< [latents]
  std::vector<float> b_dec;  ///< [d_out]
  /// [latents], for recipes with thresholds: a latent is active where h > threshold. Else empty.
  std::vector<float> threshold{};
};

/// Divides decoder rows by their lengths and multiplies encoder rows and biases: the same output, unit-norm
/// rows.
void fold_decoder_norms(CoderWeights& weights);

/// The same on a backend. Low-precision copies exist in bf16 and f16 runs only; norms only for norm-aware
/// coders.
struct CoderTensors {
  Array w_enc, w_dec, b_enc, b_dec;
  Array w_enc_low, w_dec_low;
  Array decoder_norms;  ///< f32 [1, latents]
  Array threshold;      ///< f32 [1, latents], where the recipe has thresholds

  /// What products read: the low-precision copies where there are some.
  const Array& encoder() const noexcept { return w_enc_low ? w_enc_low : w_enc; }
  const Array& decoder() const noexcept { return w_dec_low ? w_dec_low : w_dec; }
};

class Activation;
struct CodeBuffer;

/// A sparse coder on a backend, for inference. Rows come in batches of at most `max_rows`.
class SparseCoder {
 public:
  SparseCoder(Executor& executor, const CoderConfig& config, const CoderWeights& weights,
              std::int64_t max_rows);
  ~SparseCoder();

  /// Codes of x, f32 [rows, d_in]; valid until the next call.
  SparseCodes encode(const Tensor& x);
  /// y = f W_dec + b_dec into `output`, f32 [rows, d_out].
  void decode(const SparseCodes& codes, const Tensor& output);
  /// encode, then decode.
  void reconstruct(const Tensor& x, const Tensor& output) { decode(encode(x), output); }

  const CoderConfig& config() const noexcept { return config_; }
  std::int64_t max_rows() const noexcept { return max_rows_; }

 private:
  Executor* executor_;
  CoderConfig config_;
  std::int64_t max_rows_;
  CoderTensors tensors_;
  std::unique_ptr<Activation> activation_;
  std::unique_ptr<CodeBuffer> buffer_;
  Array centred_, centred_low_;
};

}  // namespace polysem
