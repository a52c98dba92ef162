#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "polysem/core.h"

/// polysem/core.h for C++17: the same functions on containers. What they do, their shapes and their statuses
/// stand there. Header only; nothing here allocates or throws.
namespace polysem::core {

/// True where a call did what it should.
class Status {
 public:
  Status(polysem_status code) : code_(code) {}  // NOLINT: meant to be implicit
  explicit operator bool() const noexcept { return code_ == POLYSEM_OK; }
  polysem_status code() const noexcept { return code_; }
  const char* text() const noexcept { return polysem_status_text(code_); }

 private:
  polysem_status code_;
};

/// Vectors to read: one position from anything with data() and size(), or several behind each other.
struct In : polysem_in {
  In(const polysem_in& in) : polysem_in(in) {}  // NOLINT: meant to be implicit
  template <class Floats, class = decltype(static_cast<const float*>(std::declval<const Floats&>().data()))>
  In(const Floats& one) : polysem_in(polysem_one(one.data(), one.size())) {}  // NOLINT
  template <class Floats>
  In(const Floats& many, std::size_t count)
      : polysem_in(polysem_many(many.data(), count, count > 0 ? many.size() / count : 0)) {}
};

/// Vectors to write.
struct Out : polysem_out {
  Out(const polysem_out& out) : polysem_out(out) {}  // NOLINT: meant to be implicit
  template <class Floats, class = decltype(static_cast<float*>(std::declval<Floats&>().data()))>
  Out(Floats& one) : polysem_out(polysem_one_out(one.data(), one.size())) {}  // NOLINT
  template <class Floats>
  Out(Floats& many, std::size_t count)
      : polysem_out(polysem_many_out(many.data(), count, count > 0 ? many.size() / count : 0)) {}
};

/// A model file, open where it lies.
class Model {
 public:
  Status open(const void* bytes, std::size_t size) { return polysem_open(bytes, size, &model_); }
  const polysem_model& get() const noexcept { return model_; }
  std::size_t d_in() const noexcept { return model_.d_in; }
  std::size_t d_out() const noexcept { return model_.d_out; }
  std::size_t latents() const noexcept { return model_.latents; }

  Status find(std::uint32_t source_latent, std::uint32_t& latent) const {
    return polysem_find_latent(&model_, source_latent, &latent);
  }
  /// Empty where the file has none.
  std::string_view name(std::uint32_t latent) const {
    polysem_text text;
    return polysem_latent_name(&model_, latent, &text) == POLYSEM_OK ? view(text) : std::string_view();
  }
  std::string_view note(std::uint32_t latent) const {
    polysem_text text;
    return polysem_latent_note(&model_, latent, &text) == POLYSEM_OK ? view(text) : std::string_view();
  }
  std::string_view source() const { return view(polysem_model_source(&model_)); }

 private:
  static std::string_view view(const polysem_text& text) { return {text.data, text.length}; }

  polysem_model model_ = {};
};

/// The state of one stream, in memory of the caller's.
class State {
 public:
  static Status size(const Model& model, const polysem_config& config, std::size_t& bytes) {
    return polysem_state_size(&model.get(), &config, &bytes);
  }
  /// `model` outlives the state; `memory` begins at a multiple of POLYSEM_ALIGNMENT.
  Status init(const Model& model, const polysem_config& config, void* memory, std::size_t bytes) {
    return polysem_state_init(&model.get(), &config, memory, bytes, &state_);
  }

  Status encode(const In& x, const Out& f) { return polysem_encode(state_, x, f); }
  template <class Latents>
  Status encode_list(const In& x, const Latents& latents, const Out& f) {
    return polysem_encode_list(state_, x, latents.data(), latents.size(), f);
  }
  Status encode_sparse(const In& x, polysem_codes& codes) { return polysem_encode_sparse(state_, x, &codes); }
  Status decode(const polysem_codes& codes, const Out& y) { return polysem_decode(state_, &codes, y); }
  Status reconstruct(const In& x, const Out& y) { return polysem_reconstruct(state_, x, y); }
  Status error_term(const In& x, const In& target, const Out& e) {
    return polysem_error_term(state_, x, target, e);
  }
  template <class Edits>
  Status apply_edits(const In& x, const Edits& edits, const Out& y) {
    return polysem_apply_edits(state_, x, edits.data(), edits.size(), y);
  }
  /// Fills `hits` from its begin; `count` may be more than it has room for.
  template <class Hits>
  Status observe(const In& x, Hits& hits, std::size_t& count) {
    return polysem_observe(state_, x, hits.data(), hits.size(), &count);
  }
  Status read(polysem_subject subject, std::size_t index, polysem_reading& reading) const {
    return polysem_read(state_, subject, index, &reading);
  }
  Status counters(polysem_counters& counters) const { return polysem_get_counters(state_, &counters); }
  Status reset() { return polysem_reset(state_); }

 private:
  polysem_state* state_ = nullptr;
};

}  // namespace polysem::core
