#pragma once

#include "backends/onednn/kernels/vec.hpp"

/// The kernels of the instruction set of this compilation, before they go into the table. Comments:
/// kernels.hpp.
namespace polysem::onednn::POLYSEM_ISA {

void widen(const std::uint16_t* in, float* out, std::int64_t n);
void narrow(const float* in, std::uint16_t* out, std::int64_t n);
RoundedRow round_row(const float* in, std::uint16_t* out, std::int64_t n);
void round_to_bf16(const float* in, float* out, std::int64_t n);
void elementwise(ElementKind kind, const float* a, const float* b, float b_value, float* out, std::int64_t n,
                 float alpha, float beta);
float reduce(ReduceKind kind, const float* a, const float* b, std::int64_t n);
void reduce_into(ReduceKind kind, const float* a, const float* b, float* acc, std::int64_t n);
void epilogue(const float* product, float* c, const float* bias, std::int64_t n, float alpha, float beta,
              bool relu);
void adam(const AdamConstants& step, const float* g, float* w, float* m, float* v, std::int64_t n);
void subtract_scaled(float* g, const float* w, float factor, std::int64_t n);
void dots(const float* a, const Rows& table, const float* select, const std::int32_t* ids, std::int64_t count,
          float* out, std::int64_t n);
void weighted_rows(const float* weights, const std::int32_t* ids, std::int64_t count, const Rows& table,
                   float* out, std::int64_t n, bool accumulate);
float finish_decode(float* y, const DecodeRow& row, std::int64_t n);
float sum_exp(const float* logits, float shift, std::int64_t n);
float kl_terms(const float* p_logits, const float* q_logits, float p_total, float q_total, std::int64_t n);
void rope(float* x, const float* cosine, const float* sine, std::int64_t heads, std::int64_t head_dim,
          std::int64_t rotary, bool interleaved);
void block_product(const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float* c,
                   std::int64_t ldc, std::int64_t m, std::int64_t n, std::int64_t k, bool accumulate);
float softmax_row(float* scores, std::int64_t n, float scale, float* largest);
void multiply(float* x, float factor, std::int64_t n);
float kth_largest(float* values, std::int64_t n, std::int64_t k);
void scan(const ScanTile& tile);
void random_words(const PhiloxStream& stream, std::uint64_t first, std::uint32_t* out, std::int64_t n);
void sparse_uniform(const std::uint32_t* words, float* out, std::int64_t n, std::uint64_t limit,
                    bool symmetric);
void sample_product(const SampleProduct& p);
OutputError toy_error(float* z, const float* x, std::int64_t n, float bias, float weight, bool relu,
                      bool absolute);
ErrorSums tied_errors(float* row, const float* shift, float own_shift, std::int64_t n, float low);
float add_signs(float* out, const float* w, float factor, std::int64_t n);

extern const Kernels kTable;

}  // namespace polysem::onednn::POLYSEM_ISA
