#include <cstddef>
#include <cstdint>

#include "polysem/core.h"

namespace {

polysem_status text_of(const polysem_model* model, const std::uint32_t* offsets, std::uint32_t latent,
                       polysem_text* text) {
  if (latent >= model->latents) return POLYSEM_BAD_LATENT;
  *text = {};
  if (offsets == nullptr) return POLYSEM_OK;
  const char* bytes = reinterpret_cast<const char*>(offsets + std::size_t{model->latents} + 1);
  *text = {bytes + offsets[latent], offsets[latent + 1] - offsets[latent]};
  return POLYSEM_OK;
}

}  // namespace

polysem_status polysem_find_latent(const polysem_model* model, uint32_t source_latent, uint32_t* latent) {
  if (model == nullptr || latent == nullptr) return POLYSEM_BAD_ARGUMENT;
  if (source_latent >= model->source_latents) return POLYSEM_BAD_LATENT;
  if (model->latent_ids == nullptr) {
    *latent = source_latent;
    return POLYSEM_OK;
  }
  std::uint32_t low = 0, high = model->latents;  // the first that is not below lies in [low, high]
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (model->latent_ids[middle] < source_latent)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == model->latents || model->latent_ids[low] != source_latent) return POLYSEM_BAD_LATENT;
  *latent = low;
  return POLYSEM_OK;
}

polysem_status polysem_source_latent(const polysem_model* model, uint32_t latent, uint32_t* source_latent) {
  if (model == nullptr || source_latent == nullptr) return POLYSEM_BAD_ARGUMENT;
  if (latent >= model->latents) return POLYSEM_BAD_LATENT;
  *source_latent = model->latent_ids != nullptr ? model->latent_ids[latent] : latent;
  return POLYSEM_OK;
}

polysem_status polysem_latent_name(const polysem_model* model, uint32_t latent, polysem_text* text) {
  if (model == nullptr || text == nullptr) return POLYSEM_BAD_ARGUMENT;
  return text_of(model, model->names, latent, text);
}

polysem_status polysem_latent_note(const polysem_model* model, uint32_t latent, polysem_text* text) {
  if (model == nullptr || text == nullptr) return POLYSEM_BAD_ARGUMENT;
  return text_of(model, model->notes, latent, text);
}

polysem_text polysem_model_source(const polysem_model* model) {
  polysem_text text = {};
  if (model != nullptr && model->source != nullptr)
    text.data = model->source, text.length = model->source_length;
  return text;
}
