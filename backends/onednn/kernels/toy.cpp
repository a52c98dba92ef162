#include "backends/onednn/kernels/table.hpp"

/// Toy models: sparse features by Philox4x32-10 (random.hpp), errors of outputs, products over samples.
namespace polysem::onednn::POLYSEM_ISA {

namespace {

// Both halves of the products of each lane with a constant.
struct Halves {
  VU low, high;
};

POLYSEM_INLINE Halves multiply_wide(VU x, std::uint32_t factor) {
#if defined(__SSE2__)
  typedef std::uint64_t VW __attribute__((vector_size(kLanes * 4)));
  const VW lanes = reinterpret_cast<VW>(x), odd_lanes = lanes >> 32;
#if defined(__AVX512F__)
  const auto f = _mm512_set1_epi32(static_cast<int>(factor));
  const VW even = reinterpret_cast<VW>(_mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(lanes), f));
  const VW odd = reinterpret_cast<VW>(_mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(odd_lanes), f));
#elif defined(__AVX2__)
  const auto f = _mm256_set1_epi32(static_cast<int>(factor));
  const VW even = reinterpret_cast<VW>(_mm256_mul_epu32(reinterpret_cast<__m256i>(lanes), f));
  const VW odd = reinterpret_cast<VW>(_mm256_mul_epu32(reinterpret_cast<__m256i>(odd_lanes), f));
#else
  const auto f = _mm_set1_epi32(static_cast<int>(factor));
  const VW even = reinterpret_cast<VW>(_mm_mul_epu32(reinterpret_cast<__m128i>(lanes), f));
  const VW odd = reinterpret_cast<VW>(_mm_mul_epu32(reinterpret_cast<__m128i>(odd_lanes), f));
#endif
  constexpr std::uint64_t kLow = 0xffffffffu;
  return {reinterpret_cast<VU>((even & kLow) | (odd << 32)),
          reinterpret_cast<VU>((even >> 32) | (odd & ~kLow))};
#else
  Halves result{};
  for (int i = 0; i < kLanes; ++i) {
    const std::uint64_t product = std::uint64_t{x[i]} * factor;
    result.low[i] = static_cast<std::uint32_t>(product);
    result.high[i] = static_cast<std::uint32_t>(product >> 32);
  }
  return result;
#endif
}

// Words of the blocks `block`, `block` + 1, ... : words[4 l + w] is word w of the l-th.
POLYSEM_INLINE void philox(const PhiloxStream& s, std::uint64_t block, std::uint32_t* words) {
  VU c0{}, c1{};
  for (int i = 0; i < kLanes; ++i) {
    const std::uint64_t number = block + static_cast<std::uint64_t>(i);
    c0[i] = static_cast<std::uint32_t>(number);
    c1[i] = static_cast<std::uint32_t>(number >> 32);
  }
  VU c2 = VU{} + s.stream, c3 = VU{} + s.substream;
  std::uint32_t key0 = s.key[0], key1 = s.key[1];
  for (int round = 0; round < 10; ++round) {
    const Halves p0 = multiply_wide(c0, 0xD2511F53u), p1 = multiply_wide(c2, 0xCD9E8D57u);
    c0 = p1.high ^ c1 ^ key0, c1 = p1.low;
    c2 = p0.high ^ c3 ^ key1, c3 = p0.low;
    key0 += 0x9E3779B9u, key1 += 0xBB67AE85u;
  }
  std::uint32_t lanes[4][kLanes];
  __builtin_memcpy(lanes[0], &c0, sizeof c0);
  __builtin_memcpy(lanes[1], &c1, sizeof c1);
  __builtin_memcpy(lanes[2], &c2, sizeof c2);
  __builtin_memcpy(lanes[3], &c3, sizeof c3);
  for (int i = 0; i < kLanes; ++i)
    for (int w = 0; w < 4; ++w) words[4 * i + w] = lanes[w][i];
}

// Scale and offset of an active feature's value; `limit` is 2^32 where it is always active.
POLYSEM_INLINE void sparse_values(const std::uint32_t* words, float* out, std::int64_t n, std::uint64_t limit,
                                  float scale, float offset) {
  const auto last = static_cast<std::uint32_t>(limit - 1);
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = static_cast<float>(words[i]) * scale + offset;
    out[i] = words[i] <= last ? value : 0.0f;
  }
}

template <int RowCount, int ColCount>
POLYSEM_INLINE void dot_tile(const SampleProduct& p, std::int64_t row, std::int64_t col) {
  V acc[RowCount][ColCount] = {};
  const float* a = p.a + row * p.lda;
  const float* b = p.b + col * p.ldb;
  for (std::int64_t s = 0; s < p.n; s += kLanes) {
    V line[ColCount];
    for (int c = 0; c < ColCount; ++c) line[c] = load(b + c * p.ldb + s);
    for (int r = 0; r < RowCount; ++r) {
      const V factor = load(a + r * p.lda + s);
      for (int c = 0; c < ColCount; ++c) acc[r][c] = acc[r][c] + factor * line[c];
    }
  }
  for (int r = 0; r < RowCount; ++r)
    for (int c = 0; c < ColCount; ++c) p.c[(row + r) * p.ldc + col + c] += sum(acc[r][c]);
}

template <int RowCount>
POLYSEM_INLINE void dot_rows(const SampleProduct& p, std::int64_t row) {
  std::int64_t col = 0;
  for (; col + 4 <= p.cols; col += 4) dot_tile<RowCount, 4>(p, row, col);
  for (; col < p.cols; ++col) dot_tile<RowCount, 1>(p, row, col);
}

}  // namespace

void random_words(const PhiloxStream& stream, std::uint64_t first, std::uint32_t* out, std::int64_t n) {
  std::uint32_t words[4 * kLanes];
  std::uint64_t block = first >> 2;
  std::int64_t skip = static_cast<std::int64_t>(first & 3), done = 0;
  while (done < n) {
    const std::int64_t count = n - done < 4 * kLanes - skip ? n - done : 4 * kLanes - skip;
    if (count == 4 * kLanes) {
      philox(stream, block, out + done);
    } else {
      philox(stream, block, words);
      __builtin_memcpy(out + done, words + skip, static_cast<std::size_t>(count) * 4);
    }
    done += count, block += kLanes, skip = 0;
  }
}

void sparse_uniform(const std::uint32_t* words, float* out, std::int64_t n, std::uint64_t limit,
                    bool symmetric) {
  if (limit == 0) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = 0.0f;
    return;
  }
  const auto unit = static_cast<float>(1.0 / static_cast<double>(limit));
  sparse_values(words, out, n, limit, symmetric ? 2.0f * unit : unit, symmetric ? -1.0f : 0.0f);
}

void sample_product(const SampleProduct& p) {
  std::int64_t row = 0;
  for (; row + 4 <= p.rows; row += 4) dot_rows<4>(p, row);
  for (; row + 2 <= p.rows; row += 2) dot_rows<2>(p, row);
  for (; row < p.rows; ++row) dot_rows<1>(p, row);
}

OutputError toy_error(float* z, const float* x, std::int64_t n, float bias, float weight, bool relu,
                      bool absolute) {
  V loss{}, bias_grad{};
  const V doubled = splat(2.0f * weight);
  for (std::int64_t s = 0; s < n; s += kLanes) {
    const V pre = load(z + s) + bias, in = load(x + s);
    const V y = relu ? (pre <= V{} ? V{} : pre) : pre;
    const V target = absolute ? (in < V{} ? -in : in) : in;
    const V error = y - target;
    const V gradient = relu ? (pre > V{} ? doubled * error : V{}) : doubled * error;
    loss = loss + error * error;
    bias_grad = bias_grad + gradient;
    store(z + s, gradient);
  }
  return {weight * sum(loss), sum(bias_grad)};
}

}  // namespace polysem::onednn::POLYSEM_ISA
