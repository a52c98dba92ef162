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

/// Sums of squares of a row, of what rounding to bf16 took away, and of what is left. Arithmetic on bf16
/// takes denormals for 0, so they count as taken away.
struct RoundedRow {
  float all, taken, left;
};

/// What one latent's rows need in a fused update; absent pointers are null.
struct DecodeRow {
  const float* bias;
  const float* base;
  const float* target;
  float* output;
  float* error;
};

/// A latent that may be chosen in a row. The larger key is the better one: the rank's bits, made to order
/// like an integer, above the latent's complement, so that of equal ranks the lowest latent wins. No two keys
/// of a row are equal. A screened candidate has the highest rank that is possible in its key, and the lowest
/// beside it.
struct Candidate {
  std::uint64_t key;
  float value;  ///< pre-activation
  float lower;  ///< rank, or its lower bound

  [[gnu::always_inline]] static std::uint64_t key_of(float rank, std::int32_t latent) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, &rank, sizeof bits);
    bits ^= (bits >> 31) != 0 ? 0xffffffffu : 0x80000000u;
    return (std::uint64_t{bits} << 32) | ~static_cast<std::uint32_t>(latent);
  }
  std::int32_t latent() const { return static_cast<std::int32_t>(~static_cast<std::uint32_t>(key)); }
  float rank() const {
    auto bits = static_cast<std::uint32_t>(key >> 32);
    bits ^= (bits >> 31) != 0 ? 0x80000000u : 0xffffffffu;
    float result;
    __builtin_memcpy(&result, &bits, sizeof result);
    return result;
  }
};

/// How far the pre-activations of a tile may be from the true ones (screening.hpp): row[0] * latent[0] +
/// row[1] * latent[1] + latent[2], each an array over the tile's rows or latents. Null: they are exact.
struct ScanBounds {
  const float* row[2];
  const float* latent[3];
  [[gnu::always_inline]] explicit operator bool() const { return row[0] != nullptr; }
};

/// Pre-activations of some latents (one a line) and some rows of the batch (one a column), and what is known
/// of those rows: the rank to beat, and the candidates found so far, `capacity` places a row.
struct ScanTile {
  const float* product;  ///< x . w [latents, rows] without gaps
  std::int64_t latents, rows;
  const float* bias;        ///< of the latents
  const float* scale;       ///< or null
  const std::int32_t* ids;  ///< names of the latents, or null for first, first + 1, ...
  std::int32_t first;
  ScanBounds bounds;
  const float* latent_threshold;  ///< [latents]: what a latent has to beat, or null for `threshold`
  const float* threshold;         ///< [rows]: what a row's latents have to beat
  float* unfit;                   ///< [rows], turns NaN where a pre-activation is NaN or infinite
  std::int32_t* count;            ///< [rows]
  Candidate* found;               ///< [rows, capacity]
  std::int64_t capacity;
};

/// Where Philox's words come from (random.hpp).
struct PhiloxStream {
  std::uint32_t key[2];
  std::uint32_t stream, substream;
};

/// c[rows, cols] += a[rows, n] b[cols, n]^T, n a multiple of 16.
struct SampleProduct {
  const float* a;
  std::int64_t lda;
  const float* b;
  std::int64_t ldb;
  float* c;
  std::int64_t ldc;
  std::int64_t rows, cols, n;
};

/// What one output of a toy model adds to the loss, and the gradient of its bias.
struct OutputError {
  float loss, bias_grad;
};

/// Sums over the outputs of one row.
struct ErrorSums {
  float loss, back;
};

enum class ElementKind : int { kCopy, kAxpby, kMul, kRelu, kSqrt, kSiluMul, kGate };
enum class ReduceKind : int { kSum, kSumSquares, kDot, kSquaredDistance, kMax };

struct Kernels {
  const char* name;
  int lanes;

  void (*widen)(const std::uint16_t* in, float* out, std::int64_t n);
  void (*narrow)(const float* in, std::uint16_t* out, std::int64_t n);
  RoundedRow (*round_row)(const float* in, std::uint16_t* out, std::int64_t n);
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

  /// out[i] = a . table[ids[i]] where select[i] > 0, else 0.
  void (*dots)(const float* a, const Rows& table, const float* select, const std::int32_t* ids,
               std::int64_t count, float* out, std::int64_t n);
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

  /// The k-th largest of n numbers, none of them NaN; they are lost.
  float (*kth_largest)(float* values, std::int64_t n, std::int64_t k);
  /// Appends the latents whose rank, as high as the bounds allow, is above the threshold; every row has room
  /// for all latents of the tile.
  void (*scan)(const ScanTile& tile);

  /// Random::bits(first), Random::bits(first + 1), ...
  void (*random_words)(const PhiloxStream& stream, std::uint64_t first, std::uint32_t* out, std::int64_t n);
  /// out = word / limit where word < limit (at most 2^32), else 0; `symmetric` makes 2 v - 1 of a value v.
  void (*sparse_uniform)(const std::uint32_t* words, float* out, std::int64_t n, std::uint64_t limit,
                         bool symmetric);
  void (*sample_product)(const SampleProduct& product);
  /// z, an output without its bias, becomes the gradient 2 weight (y - t) of weight (y - t)^2; n a multiple
  /// of 16, t = x or |x|.
  OutputError (*toy_error)(float* z, const float* x, std::int64_t n, float bias, float weight, bool relu,
                           bool absolute);

  /// Outputs that should be 0, of z = row + own_shift and of z = row + shift (null: the same again): y = z
  /// above 0, low z elsewhere. row becomes the sum of both gradients of y^2; returned are sums over the
  /// first.
  ErrorSums (*tied_errors)(float* row, const float* shift, float own_shift, std::int64_t n, float low);
  /// out += factor sign(w); returns sum |w|.
  float (*add_signs)(float* out, const float* w, float factor, std::int64_t n);
};

/// The best set that this processor has.
const Kernels& kernels();
/// By name ("generic", "avx2", "avx512"), or null where this build or this processor lacks it.
const Kernels* find_kernels(const char* name);

}  // namespace polysem::onednn
