#include "lib/core/state.hpp"

namespace polysem::core {

namespace {

float edited(const polysem_edit& edit, float f) {
  switch (edit.kind) {
    case POLYSEM_SET:
      return edit.value;
    case POLYSEM_SCALE:
      return edit.value * f;
    case POLYSEM_ADD:
      return f + edit.value;
    case POLYSEM_CAP:
      return f > edit.value ? edit.value : f;
    case POLYSEM_FLOOR:
      return f < edit.value ? edit.value : f;
    case POLYSEM_ABLATE:
      break;
  }
  return 0;
}

polysem_status check_edits(const polysem_model& model, const polysem_edit* edits, std::size_t count) {
  if (edits == nullptr && count > 0) return POLYSEM_BAD_ARGUMENT;
  for (std::size_t i = 0; i < count; ++i) {
    if (edits[i].latent >= model.latents) return POLYSEM_BAD_LATENT;
    const std::uint32_t kind = edits[i].kind;
    if (kind > POLYSEM_ABLATE || (kind != POLYSEM_ABLATE && !is_finite(edits[i].value)))
      return POLYSEM_BAD_ARGUMENT;
  }
  return POLYSEM_OK;
}

bool has_latent(const polysem_edit* edits, std::size_t count, std::uint32_t latent) {
  for (std::size_t i = 0; i < count; ++i)
    if (edits[i].latent == latent) return true;
  return false;
}

enum class Outcome { kUnchanged, kChanged, kNonFinite };

/// state.sum = W_dec (f' - f) of the prepared input. A latent is dealt with at its first edit, with all of
/// them.
Outcome sum_changes(polysem_state& state, const polysem_edit* edits, std::size_t count) {
  Codes codes = {};
  __builtin_memset(state.sum, 0, state.out_elements * sizeof(float));
  const bool top_k = state.model->activation == POLYSEM_TOPK;
  if (top_k && !encode_top_k(state, codes)) return Outcome::kNonFinite;
  Outcome outcome = Outcome::kUnchanged;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t latent = edits[i].latent;
    if (has_latent(edits, i, latent)) continue;
    float before = 0;
    if (top_k)
      before = find(codes, latent);
    else if (!activations(state, latent, 1, &before))
      return Outcome::kNonFinite;
    float after = before;
    for (std::size_t j = i; j < count; ++j)
      if (edits[j].latent == latent) after = edited(edits[j], after);
    if (!is_finite(after - before)) return Outcome::kNonFinite;
    if (after == before) continue;
    add_latent(state, latent, after - before);
    outcome = Outcome::kChanged;
  }
  return outcome;
}

}  // namespace

}  // namespace polysem::core

using namespace polysem::core;

polysem_status polysem_apply_edits(polysem_state* state, polysem_in x, const polysem_edit* edits,
                                   size_t count, polysem_out y) {
  polysem_status status =
      state == nullptr ? POLYSEM_BAD_ARGUMENT : check_vectors(state, x, y, state->model->d_out);
  if (status == POLYSEM_OK) status = check_edits(*state->model, edits, count);
  if (status != POLYSEM_OK) return status;
  const float scale = state->model->output_scale;
  for (std::size_t p = 0; p < x.positions; ++p) {
    const Outcome outcome = prepare(*state, x, p) ? sum_changes(*state, edits, count) : Outcome::kNonFinite;
    if (outcome == Outcome::kNonFinite) status = skip(*state);
    if (outcome != Outcome::kChanged) continue;
    float* to = y.data + p * y.position_stride;
    for (std::size_t i = 0; i < state->model->d_out; ++i) to[i * y.stride] += scale * state->sum[i];
  }
  return status;
}
