#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "polysem/core.h"
#include "polysem/file.hpp"

namespace polysem {

/// A coder as a .polysem file holds it, in f32 on the host. What a vector is for stands in polysem/core.h.
struct CoreCoder {
  polysem_activation activation = POLYSEM_RELU;
  std::uint32_t d_in = 0, d_out = 0, latents = 0;
  std::uint32_t source_latents = 0;  ///< of the coder it was made from; larger where this is a subset
  std::uint32_t k = 0;               ///< TopK only
  bool subtracts_b_dec = false;
  float input_scale = 1.0f, output_scale = 1.0f;
  std::vector<float> w_enc;                            ///< [latents, d_in]
  std::vector<float> w_dec;                            ///< [latents, d_out]
  std::vector<float> b_enc;                            ///< [latents]
  std::vector<float> b_dec;                            ///< [d_out]
  std::vector<float> threshold;                        ///< [latents], JumpReLU and BatchTopK
  std::vector<float> magnitude_scale, magnitude_bias;  ///< [latents], Gated
  std::vector<float> skip;                             ///< [d_out, d_in], or empty
  std::vector<std::uint32_t> latent_ids;  ///< [latents], ascending, below source_latents; empty: all
  std::vector<std::string> names, notes;  ///< [latents], or empty
  std::string source;                     ///< what it was trained on: "MODEL SITE"
};

/// Only the given latents, which are numbers of the original coder, in ascending order. Throws
/// Error{kInvalidArgument} for one that the coder does not have, and for a TopK coder, whose latents decide
/// about each other.
CoreCoder subset_of(const CoreCoder& coder, std::span<const std::uint32_t> latents);

/// The bytes of a .polysem file, weights rounded to `dtype`. int8 and int4 get the scale of each row that
/// makes its squared error smallest among a few; a negative threshold becomes 0. Throws
/// Error{kInvalidArgument} where sizes do not fit each other and where a number is not finite or beyond the
/// range of f16.
std::vector<std::byte> core_file_bytes(const CoreCoder& coder, polysem_dtype dtype);
void write_core_file(const std::filesystem::path& file, const CoreCoder& coder, polysem_dtype dtype);

/// "f32", "f16", "bf16", "int8", "int4", and back; Error{kInvalidArgument} for another word.
std::string_view name(polysem_dtype dtype) noexcept;
polysem_dtype core_dtype_named(std::string_view name);
/// "relu", "topk", "batch_topk", "jumprelu", "gated".
std::string_view name(polysem_activation activation) noexcept;

/// An open model: a file, mapped, or bytes of core_file_bytes().
class CoreModel {
 public:
  /// Throws Error{kBadInput} with the file and what polysem_open() found.
  explicit CoreModel(const std::filesystem::path& file);
  /// `origin` names the bytes in messages.
  CoreModel(std::span<const std::byte> bytes, std::string origin);

  const polysem_model& get() const noexcept { return model_; }
  std::size_t bytes() const noexcept { return size_; }
  /// What core_file_bytes() was given, with weights as they were rounded. Throws Error{kBadInput} where a
  /// scale makes a weight infinite.
  CoreCoder coder() const;
  /// The file, or what the bytes were called.
  const std::string& origin() const noexcept { return origin_; }
  /// The number that a latent of the original coder has here, or Error{kInvalidArgument} that says which
  /// there are.
  std::uint32_t find(std::int64_t source_latent) const;
  std::uint32_t source_latent(std::uint32_t latent) const;
  /// Its name; empty where the file has none.
  std::string latent_name(std::uint32_t latent) const;

 private:
  void open(const void* bytes);

  struct Free {
    void operator()(std::byte* bytes) const noexcept;
  };
  MappedFile file_;
  std::unique_ptr<std::byte[], Free> memory_;
  std::size_t size_ = 0;
  std::string origin_;
  polysem_model model_{};
};

/// A state of polysem::core in memory of its own.
class CoreState {
 public:
  /// `model` outlives it. Throws Error{kInvalidArgument} with the status's text for a config that the model
  /// does not take.
  explicit CoreState(const CoreModel& model, const polysem_config& config = {});
  polysem_state* get() const noexcept { return state_; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const noexcept;
  };
  std::unique_ptr<std::byte[], Free> memory_;
  polysem_state* state_ = nullptr;
};

}  // namespace polysem
