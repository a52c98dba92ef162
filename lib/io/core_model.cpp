#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <utility>

#include "lib/core/model_format.hpp"
#include "lib/io/core_rows.hpp"
#include "polysem/core_file.hpp"
#include "polysem/error.hpp"

namespace polysem {

namespace {

std::byte* allocate(std::size_t size) {
  return static_cast<std::byte*>(::operator new[](size, std::align_val_t{POLYSEM_ALIGNMENT}));
}

void release(std::byte* bytes) noexcept { ::operator delete[](bytes, std::align_val_t{POLYSEM_ALIGNMENT}); }

template <class T>
std::vector<T> copied(const T* from, std::size_t count) {
  return from == nullptr ? std::vector<T>() : std::vector<T>(from, from + count);
}

std::string text_of(const polysem_text& text) { return {text.data, text.length}; }

void expect_finite(const std::vector<float>& rows, std::size_t width, const std::string& what) {
  const auto bad = std::find_if_not(rows.begin(), rows.end(), [](float v) { return std::isfinite(v); });
  if (bad == rows.end()) return;
  throw Error(ErrorCode::kBadInput,
              what + " of latent " + std::to_string(static_cast<std::size_t>(bad - rows.begin()) / width) +
                  " in the file: scale times weight is not finite; the file is damaged");
}

using TextGetter = polysem_status (*)(const polysem_model*, std::uint32_t, polysem_text*);

std::vector<std::string> texts(const polysem_model& model, const std::uint32_t* section, TextGetter get) {
  std::vector<std::string> out;
  for (std::uint32_t i = 0; section != nullptr && i < model.latents; ++i) {
    polysem_text text{};
    get(&model, i, &text);
    out.push_back(text_of(text));
  }
  return out;
}

}  // namespace

void CoreModel::Free::operator()(std::byte* bytes) const noexcept { release(bytes); }
void CoreState::Free::operator()(std::byte* bytes) const noexcept { release(bytes); }

CoreModel::CoreModel(const std::filesystem::path& file)
    : file_(file), size_(file_.bytes().size()), origin_(file.string()) {
  open(file_.bytes().data());
}

CoreModel::CoreModel(std::span<const std::byte> bytes, std::string origin)
    : memory_(allocate(bytes.size())), size_(bytes.size()), origin_(std::move(origin)) {
  if (!bytes.empty()) std::memcpy(memory_.get(), bytes.data(), bytes.size());
  open(memory_.get());
}

void CoreModel::open(const void* bytes) {
  // An empty file has no address.
  const polysem_status status = size_ == 0 ? POLYSEM_TRUNCATED : polysem_open(bytes, size_, &model_);
  if (status == POLYSEM_OK) return;
  throw Error(ErrorCode::kBadInput,
              origin_ + ": " + polysem_status_text(status) + " (" + std::to_string(size_) +
                  " bytes); 'polysem convert CODER OUT.polysem --to core' writes such a file");
}

CoreCoder CoreModel::coder() const {
  const polysem_model& m = model_;
  CoreCoder c;
  c.activation = static_cast<polysem_activation>(m.activation);
  c.d_in = m.d_in, c.d_out = m.d_out, c.latents = m.latents, c.source_latents = m.source_latents, c.k = m.k;
  c.subtracts_b_dec = m.subtracts_b_dec != 0;
  c.input_scale = m.input_scale, c.output_scale = m.output_scale;
  c.w_enc = io::widen_rows(m.encoder, m.encoder_scale, m.latents, m.d_in,
                           static_cast<polysem_dtype>(m.encoder_dtype));
  c.w_dec = io::widen_rows(m.decoder, m.decoder_scale, m.latents, m.d_out,
                           static_cast<polysem_dtype>(m.decoder_dtype));
  // polysem_open() looks at the scales and the rounded weights, not at their products.
  expect_finite(c.w_enc, m.d_in, origin_ + ": W_enc");
  expect_finite(c.w_dec, m.d_out, origin_ + ": W_dec");
  c.b_enc = copied(m.encoder_bias, m.latents);
  c.b_dec = copied(m.decoder_bias, m.d_out);
  c.threshold = copied(m.threshold, m.latents);
  c.magnitude_scale = copied(m.magnitude_scale, m.latents);
  c.magnitude_bias = copied(m.magnitude_bias, m.latents);
  const std::size_t width = core::row_elements(m.d_in);
  for (std::size_t o = 0; m.skip != nullptr && o < m.d_out; ++o)
    c.skip.insert(c.skip.end(), m.skip + o * width, m.skip + o * width + m.d_in);
  c.latent_ids = copied(m.latent_ids, m.latents);
  c.names = texts(m, m.names, polysem_latent_name);
  c.notes = texts(m, m.notes, polysem_latent_note);
  c.source = text_of(polysem_model_source(&m));
  return c;
}

std::uint32_t CoreModel::find(std::int64_t source_latent) const {
  std::uint32_t latent = 0;
  if (source_latent >= 0 && source_latent < model_.source_latents &&
      polysem_find_latent(&model_, static_cast<std::uint32_t>(source_latent), &latent) == POLYSEM_OK)
    return latent;
  const std::string of = model_.latents == model_.source_latents
                             ? "0 to " + std::to_string(model_.latents - 1)
                             : std::to_string(model_.latents) + " of the " +
                                   std::to_string(model_.source_latents) + " of the coder it was made from";
  throw Error(ErrorCode::kInvalidArgument,
              "there is no latent " + std::to_string(source_latent) + "; the coder has " + of);
}

std::uint32_t CoreModel::source_latent(std::uint32_t latent) const {
  std::uint32_t source = 0;
  if (polysem_source_latent(&model_, latent, &source) != POLYSEM_OK)
    throw Error(ErrorCode::kInvalidArgument, "there is no latent " + std::to_string(latent) + " in the file");
  return source;
}

std::string CoreModel::latent_name(std::uint32_t latent) const {
  polysem_text text{};
  return polysem_latent_name(&model_, latent, &text) == POLYSEM_OK ? text_of(text) : std::string();
}

CoreState::CoreState(const CoreModel& model, const polysem_config& config) {
  std::size_t bytes = 0;
  polysem_status status = polysem_state_size(&model.get(), &config, &bytes);
  if (status == POLYSEM_OK) {
    memory_.reset(allocate(bytes));
    status = polysem_state_init(&model.get(), &config, memory_.get(), bytes, &state_);
  }
  if (status != POLYSEM_OK)
    throw Error(ErrorCode::kInvalidArgument, "polysem::core: " + std::string(polysem_status_text(status)));
}

}  // namespace polysem
