#pragma once

#include "lib/core/kernels.hpp"
#include "lib/core/model_format.hpp"
#include "polysem/core.h"

namespace polysem::core {

/// Latents whose activations are computed into a small buffer before anything is done with them.
constexpr std::size_t kBlock = 64;
/// Tiles of rows whose results are kept together in the batch path, so that outputs are written by whole
/// lines.
constexpr std::size_t kTilesTogether = 8;

struct Rule {
  std::uint32_t kind, term_count;
  const polysem_term* terms;
};

struct Probe {
  float bias, on, off;
  std::uint32_t weight_count;
  const polysem_weight* weights;
};

}  // namespace polysem::core

/// Everything behind it lies in the same memory of the caller; see layout() in state.cpp.
struct polysem_state {
  const polysem_model* model;
  const polysem::core::Kernels* kernels;
  std::size_t in_elements, out_elements;  // padded row lengths
  std::size_t encoder_row_bytes, decoder_row_bytes;
  float* input;                 // [in_elements] x', zeros behind d_in
  float* sum;                   // [out_elements]
  std::uint32_t* code_latents;  // [k] codes of the position at hand, TopK only
  float* code_values;           // [k]
  polysem_counters counters;

  std::size_t batch;       // 0 where positions are encoded one by one
  float* panels;           // [batch / tile_positions, d_in, tile_positions]
  float* unpacked;         // [kTilesTogether * tile_rows, in_elements]
  float* tile;             // [kTilesTogether * tile_rows, tile_positions]
  unsigned char* skipped;  // [batch, rounded up to tiles]

  std::size_t watch_count, rule_count, probe_count;
  polysem_watch* watches;
  polysem::core::Rule* rules;
  polysem::core::Probe* probes;
  float* watch_values;        // [watches] of the position at hand
  polysem_reading* readings;  // of watches, rules, probes
};

namespace polysem::core {

/// 0 for a number that is finite, else not: what loops collect by "or", since compilers make vectors of that.
inline std::uint32_t not_finite(float value) {
  const float difference = value - value;  // +0, or NaN
  std::uint32_t bits;
  __builtin_memcpy(&bits, &difference, sizeof bits);
  return bits;
}
inline bool is_finite(float value) { return not_finite(value) == 0; }

/// Whether every number of the vectors lies inside what the caller owns.
template <class Vectors>
bool fits(const Vectors& v, std::size_t width) {
  if (v.positions == 0 || width == 0) return true;
  std::size_t last_position, last_number, last;
  return v.data != nullptr && !__builtin_mul_overflow(v.positions - 1, v.position_stride, &last_position) &&
         !__builtin_mul_overflow(width - 1, v.stride, &last_number) &&
         !__builtin_add_overflow(last_position, last_number, &last) && last < v.size;
}

/// Status of a function that reads x and writes `width` numbers for each of its positions.
inline polysem_status check_vectors(const polysem_state* state, const polysem_in& x, const polysem_out& y,
                                    std::size_t width) {
  if (state == nullptr || x.positions != y.positions) return POLYSEM_BAD_ARGUMENT;
  if ((x.data == nullptr || (y.data == nullptr && width > 0)) && x.positions > 0) return POLYSEM_BAD_ARGUMENT;
  return fits(x, state->model->d_in) && fits(y, width) ? POLYSEM_OK : POLYSEM_BUFFER_TOO_SMALL;
}

inline void fill_zero(const polysem_out& y, std::size_t position, std::size_t width) {
  float* to = y.data + position * y.position_stride;
  if (y.stride == 1)
    __builtin_memset(to, 0, width * sizeof(float));
  else
    for (std::size_t i = 0; i < width; ++i) to[i * y.stride] = 0;
}

/// Counts a position that is not finite.
inline polysem_status skip(polysem_state& state) {
  ++state.counters.non_finite;
  return POLYSEM_NON_FINITE;
}

/// Codes of one position in the order of latents.
struct Codes {
  const std::uint32_t* latents;
  const float* values;
  std::size_t count;
};

/// x' of a position into state.input: scaled, less b_dec where `centred` and the model says so. False: not
/// finite.
bool prepare(polysem_state& state, const polysem_in& x, std::size_t position, bool centred = true);

/// Activations of the prepared input for `count` latents that follow each other; before any selection of the
/// largest, for TopK those of ReLU. False: not finite.
bool activations(const polysem_state& state, std::uint32_t first, std::size_t count, float* f);

/// The `capacity` largest activations of the prepared input. False: not finite.
bool encode_largest(const polysem_state& state, std::uint32_t* latents, float* values, std::size_t capacity,
                    std::size_t& count);

/// All active latents of a TopK model, into the state's own codes. False: not finite.
bool encode_top_k(polysem_state& state, Codes& codes);

/// The activation of a latent in codes; 0 where it has none.
float find(const Codes& codes, std::uint32_t latent);

/// f of the prepared input for a list of latents: latents[i * stride in bytes]. False: not finite.
bool encode_listed(polysem_state& state, const void* latents, std::size_t stride_bytes, std::size_t count,
                   float* f, std::size_t f_stride);

/// Encodes positions with the batch kernels, all at once up to state.batch.
polysem_status encode_batch(polysem_state& state, const polysem_in& x, const polysem_out& f);

/// state.sum += value * W_dec[latent].
void add_latent(polysem_state& state, std::uint32_t latent, float value);

}  // namespace polysem::core
