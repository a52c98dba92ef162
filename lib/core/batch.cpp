#include "lib/core/largest.hpp"
#include "lib/core/state.hpp"

// Many positions at once: a matrix product whose weights are read once for all of them. Inputs are turned so
// that the positions of a tile lie side by side.
namespace polysem::core {

namespace {

struct Chunk {
  std::size_t first, positions;  // of the caller's
  std::size_t tiles;
};

void turn_inputs(polysem_state& state, const polysem_in& x, const Chunk& chunk) {
  const std::size_t width = state.kernels->tile_positions, d = state.model->d_in;
  for (std::size_t p = 0; p < chunk.tiles * width; ++p) {
    const bool real = p < chunk.positions;
    const bool finite = real && prepare(state, x, chunk.first + p);
    state.skipped[p] = real && !finite;
    float* to = state.panels + p / width * d * width + p % width;
    for (std::size_t i = 0; i < d; ++i) to[i * width] = finite ? state.input[i] : 0;
  }
}

/// Encoder rows [first, first + count) as floats without their scales into state.unpacked, and zero rows up
/// to a multiple of tile_rows. Rows that are floats already are copied, too: the tiles read them many times,
/// and from there faster than from where all of the file passes through.
void unpack_rows(const polysem_state& state, std::uint32_t first, std::size_t count) {
  const polysem_model& m = *state.model;
  const std::size_t tile_rows = state.kernels->tile_rows;
  const unsigned char* at = m.encoder + first * state.encoder_row_bytes;
  const std::size_t rows = (count + tile_rows - 1) / tile_rows * tile_rows;
  __builtin_memset(state.unpacked, 0, rows * state.in_elements * sizeof(float));
  for (std::size_t r = 0; r < count; ++r)
    state.kernels->add_row[m.encoder_dtype](at + r * state.encoder_row_bytes, 1, state.in_elements,
                                            state.unpacked + r * state.in_elements);
}

/// Turns products of a latent into activations, in place. False: one of them is not finite, and stays so, for
/// whoever looks which position it was.
bool activate(const polysem_model& m, std::uint32_t latent, float* values, std::size_t count) {
  const float scale = m.encoder_scale != nullptr ? m.encoder_scale[latent] : 1;
  const float bias = m.encoder_bias[latent];
  std::uint32_t wrong = 0;
  if (m.magnitude_scale != nullptr) {
    const float magnitude_scale = m.magnitude_scale[latent], magnitude_bias = m.magnitude_bias[latent];
    for (std::size_t p = 0; p < count; ++p) {
      const float product = values[p] * scale;
      const float gate = product + bias, magnitude = product * magnitude_scale + magnitude_bias;
      const float zero = (gate - gate) + (magnitude - magnitude);
      wrong |= not_finite(zero);
      const float open = gate > 0 ? magnitude : zero;
      values[p] = magnitude > 0 ? open : zero;
    }
    return wrong == 0;
  }
  const float threshold = m.threshold != nullptr ? m.threshold[latent] : 0;
  for (std::size_t p = 0; p < count; ++p) {
    const float h = values[p] * scale + bias, zero = h - h;
    wrong |= not_finite(h);
    values[p] = h > threshold ? h : zero;
  }
  return wrong == 0;
}

/// Activations of latents [first, first + count) at one tile of positions.
void encode_tile(polysem_state& state, std::size_t tile, std::uint32_t first, std::size_t count) {
  const Kernels& kernels = *state.kernels;
  const std::size_t width = kernels.tile_positions, d = state.model->d_in;
  for (std::size_t r = 0; r < count; r += kernels.tile_rows)
    kernels.tile(state.unpacked + r * state.in_elements, state.in_elements, state.panels + tile * d * width,
                 d, state.tile + r * width);
  for (std::size_t r = 0; r < count; ++r) {
    float* values = state.tile + r * width;
    if (activate(*state.model, first + static_cast<std::uint32_t>(r), values, width)) continue;
    for (std::size_t p = 0; p < width; ++p)
      if (!is_finite(values[p])) state.skipped[tile * width + p] = 1;
  }
}

void write_tile(const polysem_state& state, const Chunk& chunk, std::size_t tile, std::uint32_t first,
                std::size_t count, const polysem_out& f) {
  const std::size_t width = state.kernels->tile_positions;
  for (std::size_t p = 0; p < width && tile * width + p < chunk.positions; ++p) {
    float* to = f.data + (chunk.first + tile * width + p) * f.position_stride + first * f.stride;
    const float* from = state.tile + p;
    if (f.stride == 1)
      for (std::size_t r = 0; r < count; ++r) to[r] = from[r * width];
    else
      for (std::size_t r = 0; r < count; ++r) to[r * f.stride] = from[r * width];
  }
}

/// Leaves only the k largest activations of a position.
void keep_largest(const polysem_state& state, const polysem_out& f, std::size_t position) {
  Largest largest(state.code_latents, state.code_values, state.model->k);
  float* at = f.data + position * f.position_stride;
  const std::uint32_t all = state.model->latents;
  float block[kBlock];
  for (std::uint32_t first = 0; first < all; first += kBlock) {
    const std::uint32_t here = all - first < kBlock ? all - first : kBlock;
    if (f.stride == 1) {
      largest.offer_block(first, at + first, here);
      __builtin_memset(at + first, 0, here * sizeof(float));
      continue;
    }
    for (std::uint32_t i = 0; i < here; ++i) {
      float& value = at[(first + i) * f.stride];
      block[i] = value;
      value = 0;
    }
    largest.offer_block(first, block, here);
  }
  const std::size_t count = largest.finish();
  for (std::size_t i = 0; i < count; ++i) at[state.code_latents[i] * f.stride] = state.code_values[i];
}

polysem_status finish(polysem_state& state, const polysem_out& f, const Chunk& chunk) {
  polysem_status status = POLYSEM_OK;
  for (std::size_t p = 0; p < chunk.positions; ++p) {
    if (state.skipped[p]) {
      fill_zero(f, chunk.first + p, state.model->latents);
      status = skip(state);
    } else if (state.model->activation == POLYSEM_TOPK) {
      keep_largest(state, f, chunk.first + p);
    }
  }
  return status;
}

polysem_status encode_chunk(polysem_state& state, const polysem_in& x, const polysem_out& f,
                            const Chunk& chunk) {
  turn_inputs(state, x, chunk);
  const std::uint32_t latents = state.model->latents;
  const auto together = static_cast<std::uint32_t>(kTilesTogether * state.kernels->tile_rows);
  for (std::uint32_t first = 0; first < latents; first += together) {
    const std::uint32_t count = latents - first < together ? latents - first : together;
    unpack_rows(state, first, count);
    for (std::size_t tile = 0; tile < chunk.tiles; ++tile) {
      encode_tile(state, tile, first, count);
      write_tile(state, chunk, tile, first, count, f);
    }
  }
  return finish(state, f, chunk);
}

}  // namespace

polysem_status encode_batch(polysem_state& state, const polysem_in& x, const polysem_out& f) {
  const std::size_t width = state.kernels->tile_positions;
  polysem_status status = POLYSEM_OK;
  for (std::size_t first = 0; first < x.positions; first += state.batch) {
    const std::size_t left = x.positions - first, positions = left < state.batch ? left : state.batch;
    const polysem_status here =
        encode_chunk(state, x, f, {first, positions, (positions + width - 1) / width});
    if (here != POLYSEM_OK) status = here;
    if (left <= state.batch) break;
  }
  return status;
}

}  // namespace polysem::core
