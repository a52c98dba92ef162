#pragma once

#include <cstddef>
#include <cstdint>

/// The inner loops, compiled once for each instruction set. A kernel works on one row or one block, on one
/// thread, and sums in an order that depends on its arguments alone.
namespace polysem::onednn {

/// A row-major matrix of f32 or bf16, read only.
struct Rows {
  const void* data = nullptr;
  std::int64_t stride = 0;
  bool bf16 = false;
};

/// Constants of an Adam step, prepared for all elements.
struct AdamConstants {
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float inverse_correction1, inverse_correction2;
  float rate, epsilon, weight_decay, grad_scale;
};

/// What one latent's rows need in a fused update; absent pointers are null.
struct DecodeRow {
  const float* bias;
  const float* base;
  const float* target;
  float* output;
  float* error;
};

/// A latent that may be among a row's k best.
struct Candidate {
  float rank;
  float value;
  std::int32_t latent;
};

/// Looks through pre-activations for those above the row's threshold.
struct Scan {
  const float* product;     ///< x . w of `count` latents
  const float* bias;        ///< of the same latents
  const float* scale;       ///< or null
  const std::int32_t* ids;  ///< names of the latents, or null for first, first + 1, ...
  std::int32_t first;
  std::int64_t count;
};

enum class ElementKind : int { kCopy, kAxpby, kMul, kRelu, kSqrt, kSiluMul };
enum class ReduceKind : int { kSum, kSumSquares, kDot, kSquaredDistance, kMax };

struct Kernels {
  const char* name;
  int lanes;

  void (*widen)(const std::uint16_t* in, float* out, std::int64_t n);
  void (*narrow)(const float* in, std::uint16_t* out, std::int64_t n);
  /// To the nearest bf16, kept as f32. In place is fine.
  void (*round_to_bf16)(const float* in, float* out, std::int64_t n);

  /// out = f(a, b); without b, `b_value` stands for every element. In place is fine.
  void (*elementwise)(ElementKind kind, const float* a, const float* b, float b_value, float* out,
                      std::int64_t n, float alpha, float beta);
  float (*reduce)(ReduceKind kind, const float* a, const float* b, std::int64_t n);
  /// acc[i] += term(a[i], b[i]), or the larger of both.
  void (*reduce_into)(ReduceKind kind, const float* a, const float* b, float* acc, std::int64_t n);
  /// c = alpha * product + beta * c, + bias, ReLU; c may be the product.
  void (*epilogue)(const float* product, float* c, const float* bias, std::int64_t n, float alpha, float beta,
                   bool relu);
  void (*adam)(const AdamConstants& step, const float* g, float* w, float* m, float* v, std::int64_t n);
  /// g -= factor * w.
  void (*subtract_scaled)(float* g, const float* w, float factor, std::int64_t n);

  float (*dot)(const float* a, const Rows& b, std::int64_t row, std::int64_t n);
  /// out = sum_i weights[i] * table[ids[i]], i ascending; added to out with `accumulate`.
  void (*weighted_rows)(const float* weights, const std::int32_t* ids, std::int64_t count, const Rows& table,
                        float* out, std::int64_t n, bool accumulate);
  /// Adds bias and base to y, writes output and error, returns the squared error.
  float (*finish_decode)(float* y, const DecodeRow& row, std::int64_t n);

  float (*sum_exp)(const float* logits, float shift, std::int64_t n);
  /// sum p log(p / q) with log p = p_logits - p_total and so on.
  float (*kl_terms)(const float* p_logits, const float* q_logits, float p_total, float q_total,
                    std::int64_t n);
  void (*rope)(float* x, const float* cosine, const float* sine, std::int64_t heads, std::int64_t head_dim,
               std::int64_t rotary, bool interleaved);

  /// c[m, n] = (or +=) a[m, k] b[k, n], n a multiple of 16; every element sums over k in ascending order.
  void (*block_product)(const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float* c,
                        std::int64_t ldc, std::int64_t m, std::int64_t n, std::int64_t k, bool accumulate);
  /// Rescales and exponentiates one row of attention scores: s = exp(scale s - max), returns their sum;
  /// `largest` is the running maximum before and after.
  float (*softmax_row)(float* scores, std::int64_t n, float scale, float* largest);
  void (*multiply)(float* x, float factor, std::int64_t n);

  /// Appends the latents from `from` on whose rank is above `threshold` until fewer than 64 places are left;
  /// returns the place to go on from. `*nonfinite` turns true on a NaN or infinite pre-activation.
  std::int64_t (*scan)(const Scan& scan, std::int64_t from, float threshold, Candidate* found,
                       std::int64_t* found_count, std::int64_t capacity, bool* nonfinite);
};

/// The best set that this processor has.
const Kernels& kernels();
/// By name ("generic", "avx2", "avx512"), or null where this build or this processor lacks it.
const Kernels* find_kernels(const char* name);

}  // namespace polysem::onednn
