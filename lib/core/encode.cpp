#include "lib/core/largest.hpp"
#include "lib/core/state.hpp"

namespace polysem::core {

bool prepare(polysem_state& state, const polysem_in& x, std::size_t position, bool centred) {
  const polysem_model& model = *state.model;
  const float* from = x.data + position * x.position_stride;
  const float* bias = centred && model.subtracts_b_dec ? model.decoder_bias : nullptr;
  const float scale = model.input_scale;
  float* to = state.input;
  for (std::size_t i = 0; i < model.d_in; ++i) to[i] = scale * from[i * x.stride];
  if (bias != nullptr)
    for (std::size_t i = 0; i < model.d_in; ++i) to[i] -= bias[i];
  std::uint32_t wrong = 0;
  for (std::size_t i = 0; i < model.d_in; ++i) wrong |= not_finite(to[i]);
  return wrong == 0;
}

bool activations(const polysem_state& state, std::uint32_t first, std::size_t count, float* f) {
  const polysem_model& m = *state.model;
  state.kernels->dot[m.encoder_dtype](m.encoder + first * state.encoder_row_bytes, state.encoder_row_bytes,
                                      count, state.input, state.in_elements, f);
  if (m.encoder_scale != nullptr)
    for (std::size_t i = 0; i < count; ++i) f[i] *= m.encoder_scale[first + i];
  const float* bias = m.encoder_bias + first;
  std::uint32_t wrong = 0;
  if (m.magnitude_scale != nullptr) {
    for (std::size_t i = 0; i < count; ++i) {
      const float gate = f[i] + bias[i];
      const float magnitude = f[i] * m.magnitude_scale[first + i] + m.magnitude_bias[first + i];
      wrong |= not_finite(gate) | not_finite(magnitude);
      f[i] = gate > 0 && magnitude > 0 ? magnitude : 0;
    }
  } else if (m.threshold != nullptr) {
    for (std::size_t i = 0; i < count; ++i) {
      const float h = f[i] + bias[i];
      wrong |= not_finite(h);
      f[i] = h > m.threshold[first + i] ? h : 0;
    }
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      const float h = f[i] + bias[i];
      wrong |= not_finite(h);
      f[i] = h > 0 ? h : 0;
    }
  }
  return wrong == 0;
}

bool encode_largest(const polysem_state& state, std::uint32_t* latents, float* values, std::size_t capacity,
                    std::size_t& count) {
  Largest largest(latents, values, capacity);
  float f[kBlock];
  const std::uint32_t all = state.model->latents;
  for (std::uint32_t first = 0; first < all; first += kBlock) {
    const std::uint32_t here = all - first < kBlock ? all - first : kBlock;
    if (!activations(state, first, here, f)) return false;
    largest.offer_block(first, f, here);
  }
  count = largest.finish();
  return true;
}

bool encode_top_k(polysem_state& state, Codes& codes) {
  codes = {state.code_latents, state.code_values, 0};
  return encode_largest(state, state.code_latents, state.code_values, state.model->k, codes.count);
}

float find(const Codes& codes, std::uint32_t latent) {
  std::size_t low = 0, high = codes.count;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (codes.latents[middle] < latent)
      low = middle + 1;
    else
      high = middle;
  }
  return low < codes.count && codes.latents[low] == latent ? codes.values[low] : 0;
}

namespace {

bool encode_one(polysem_state& state, const polysem_out& f, std::size_t position) {
  float* to = f.data + position * f.position_stride;
  const std::uint32_t all = state.model->latents;
  if (state.model->activation == POLYSEM_TOPK) {
    Codes codes;
    if (!encode_top_k(state, codes)) return false;
    fill_zero(f, position, all);
    for (std::size_t i = 0; i < codes.count; ++i) to[codes.latents[i] * f.stride] = codes.values[i];
    return true;
  }
  float block[kBlock];
  for (std::uint32_t first = 0; first < all; first += kBlock) {
    const std::uint32_t here = all - first < kBlock ? all - first : kBlock;
    float* values = f.stride == 1 ? to + first : block;
    if (!activations(state, first, here, values)) return false;
    for (std::uint32_t i = 0; f.stride != 1 && i < here; ++i) to[(first + i) * f.stride] = block[i];
  }
  return true;
}

}  // namespace

bool encode_listed(polysem_state& state, const void* latents, std::size_t stride_bytes, std::size_t count,
                   float* f, std::size_t f_stride) {
  const bool top_k = state.model->activation == POLYSEM_TOPK;
  Codes codes = {};
  if (top_k && !encode_top_k(state, codes)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t latent;
    __builtin_memcpy(&latent, static_cast<const unsigned char*>(latents) + i * stride_bytes, sizeof latent);
    float value;
    if (top_k)
      value = find(codes, latent);
    else if (!activations(state, latent, 1, &value))
      return false;
    f[i * f_stride] = value;
  }
  return true;
}

}  // namespace polysem::core

using namespace polysem::core;

polysem_status polysem_encode(polysem_state* state, polysem_in x, polysem_out f) {
  polysem_status status =
      state == nullptr ? POLYSEM_BAD_ARGUMENT : check_vectors(state, x, f, state->model->latents);
  if (status != POLYSEM_OK) return status;
  if (state->batch > 0 && x.positions > 1) return encode_batch(*state, x, f);
  for (std::size_t p = 0; p < x.positions; ++p) {
    if (prepare(*state, x, p) && encode_one(*state, f, p)) continue;
    fill_zero(f, p, state->model->latents);
    status = skip(*state);
  }
  return status;
}

polysem_status polysem_encode_list(polysem_state* state, polysem_in x, const uint32_t* latents, size_t count,
                                   polysem_out f) {
  polysem_status status = check_vectors(state, x, f, count);
  if (status != POLYSEM_OK) return status;
  if (latents == nullptr && count > 0) return POLYSEM_BAD_ARGUMENT;
  for (std::size_t i = 0; i < count; ++i)
    if (latents[i] >= state->model->latents) return POLYSEM_BAD_LATENT;
  for (std::size_t p = 0; p < x.positions; ++p) {
    if (prepare(*state, x, p) &&
        encode_listed(*state, latents, sizeof *latents, count, f.data + p * f.position_stride, f.stride))
      continue;
    fill_zero(f, p, count);
    status = skip(*state);
  }
  return status;
}

polysem_status polysem_encode_sparse(polysem_state* state, polysem_in x, polysem_codes* codes) {
  if (state == nullptr || codes == nullptr || x.positions != codes->positions) return POLYSEM_BAD_ARGUMENT;
  if (x.positions == 0) return POLYSEM_OK;
  if (x.data == nullptr || codes->counts == nullptr || codes->latents == nullptr || codes->values == nullptr)
    return POLYSEM_BAD_ARGUMENT;
  if (!fits(x, state->model->d_in)) return POLYSEM_BUFFER_TOO_SMALL;
  const bool top_k = state->model->activation == POLYSEM_TOPK;
  const std::size_t most = top_k && state->model->k < codes->capacity ? state->model->k : codes->capacity;
  polysem_status status = POLYSEM_OK;
  for (std::size_t p = 0; p < x.positions; ++p) {
    std::size_t count = 0;
    const std::size_t first = p * codes->capacity;
    if (!prepare(*state, x, p) ||
        !encode_largest(*state, codes->latents + first, codes->values + first, most, count))
      status = skip(*state);
    codes->counts[p] = static_cast<std::uint32_t>(count);
  }
  return status;
}
