#include "lib/core/state.hpp"

namespace polysem::core {

void add_latent(polysem_state& state, std::uint32_t latent, float value) {
  const polysem_model& m = *state.model;
  const float coefficient = m.decoder_scale != nullptr ? value * m.decoder_scale[latent] : value;
  state.kernels->add_row[m.decoder_dtype](m.decoder + latent * state.decoder_row_bytes, coefficient,
                                          state.out_elements, state.sum);
}

namespace {

void begin_sum(polysem_state& state) {
  __builtin_memcpy(state.sum, state.model->decoder_bias, state.model->d_out * sizeof(float));
}

void add_codes(polysem_state& state, const Codes& codes) {
  for (std::size_t i = 0; i < codes.count; ++i) add_latent(state, codes.latents[i], codes.values[i]);
}

/// state.sum += W_dec f of the prepared input, without keeping f.
bool add_active(polysem_state& state) {
  if (state.model->activation == POLYSEM_TOPK) {
    Codes codes;
    if (!encode_top_k(state, codes)) return false;
    add_codes(state, codes);
    return true;
  }
  float f[kBlock];
  const std::uint32_t all = state.model->latents;
  for (std::uint32_t first = 0; first < all; first += kBlock) {
    const std::uint32_t here = all - first < kBlock ? all - first : kBlock;
    if (!activations(state, first, here, f)) return false;
    for (std::uint32_t i = 0; i < here; ++i)
      if (f[i] > 0) add_latent(state, first + i, f[i]);
  }
  return true;
}

void add_skip(polysem_state& state) {
  float product[kBlock];
  const std::size_t row_floats = state.in_elements, d_out = state.model->d_out;
  for (std::size_t first = 0; first < d_out; first += kBlock) {
    const std::size_t here = d_out - first < kBlock ? d_out - first : kBlock;
    const float* rows = state.model->skip + first * row_floats;
    state.kernels->dot[POLYSEM_F32](reinterpret_cast<const unsigned char*>(rows), row_floats * sizeof(float),
                                    here, state.input, row_floats, product);
    for (std::size_t i = 0; i < here; ++i) state.sum[first + i] += product[i];
  }
}

/// The reconstruction of a position, without output_scale, in state.sum.
bool reconstruct(polysem_state& state, const polysem_in& x, std::size_t position) {
  begin_sum(state);
  if (!prepare(state, x, position) || !add_active(state)) return false;
  if (state.model->skip == nullptr) return true;
  if (!prepare(state, x, position, false)) return false;
  add_skip(state);
  return true;
}

void write_sum(const polysem_state& state, const polysem_out& y, std::size_t position) {
  float* to = y.data + position * y.position_stride;
  const float scale = state.model->output_scale;
  for (std::size_t i = 0; i < state.model->d_out; ++i) to[i * y.stride] = scale * state.sum[i];
}

polysem_status check_codes(const polysem_model& model, const polysem_codes& codes) {
  if (codes.positions == 0) return POLYSEM_OK;
  if (codes.counts == nullptr) return POLYSEM_BAD_ARGUMENT;
  for (std::size_t p = 0; p < codes.positions; ++p) {
    if (codes.counts[p] > codes.capacity) return POLYSEM_BUFFER_TOO_SMALL;
    if (codes.counts[p] > 0 && (codes.latents == nullptr || codes.values == nullptr))
      return POLYSEM_BAD_ARGUMENT;
    const std::uint32_t* latents = codes.latents + p * codes.capacity;
    for (std::size_t i = 0; i < codes.counts[p]; ++i)
      if (latents[i] >= model.latents || (i > 0 && latents[i] <= latents[i - 1])) return POLYSEM_BAD_LATENT;
  }
  return POLYSEM_OK;
}

bool all_finite(const Codes& codes) {
  for (std::size_t i = 0; i < codes.count; ++i)
    if (!is_finite(codes.values[i])) return false;
  return true;
}

}  // namespace

}  // namespace polysem::core

using namespace polysem::core;

polysem_status polysem_decode(polysem_state* state, const polysem_codes* codes, polysem_out y) {
  if (state == nullptr || codes == nullptr || codes->positions != y.positions) return POLYSEM_BAD_ARGUMENT;
  if (y.data == nullptr && y.positions > 0) return POLYSEM_BAD_ARGUMENT;
  if (!fits(y, state->model->d_out)) return POLYSEM_BUFFER_TOO_SMALL;
  polysem_status status = check_codes(*state->model, *codes);
  if (status != POLYSEM_OK) return status;
  for (std::size_t p = 0; p < y.positions; ++p) {
    const std::size_t first = p * codes->capacity;
    const Codes here = {codes->latents + first, codes->values + first, codes->counts[p]};
    if (!all_finite(here)) {
      fill_zero(y, p, state->model->d_out);
      status = skip(*state);
      continue;
    }
    begin_sum(*state);
    add_codes(*state, here);
    write_sum(*state, y, p);
  }
  return status;
}

polysem_status polysem_reconstruct(polysem_state* state, polysem_in x, polysem_out y) {
  polysem_status status =
      state == nullptr ? POLYSEM_BAD_ARGUMENT : check_vectors(state, x, y, state->model->d_out);
  if (status != POLYSEM_OK) return status;
  for (std::size_t p = 0; p < x.positions; ++p) {
    if (reconstruct(*state, x, p)) {
      write_sum(*state, y, p);
    } else {
      fill_zero(y, p, state->model->d_out);
      status = skip(*state);
    }
  }
  return status;
}

polysem_status polysem_error_term(polysem_state* state, polysem_in x, polysem_in target, polysem_out e) {
  polysem_status status =
      state == nullptr ? POLYSEM_BAD_ARGUMENT : check_vectors(state, x, e, state->model->d_out);
  if (status != POLYSEM_OK) return status;
  if (target.positions != x.positions || (target.data == nullptr && x.positions > 0))
    return POLYSEM_BAD_ARGUMENT;
  const std::size_t d_out = state->model->d_out;
  if (!fits(target, d_out)) return POLYSEM_BUFFER_TOO_SMALL;
  for (std::size_t p = 0; p < x.positions; ++p) {
    const float* from = target.data + p * target.position_stride;
    float* to = e.data + p * e.position_stride;
    bool finite = reconstruct(*state, x, p);
    for (std::size_t i = 0; i < d_out; ++i) finite &= is_finite(from[i * target.stride]);
    for (std::size_t i = 0; finite && i < d_out; ++i)
      to[i * e.stride] = from[i * target.stride] - state->model->output_scale * state->sum[i];
    if (!finite) {
      fill_zero(e, p, d_out);
      status = skip(*state);
    }
  }
  return status;
}
