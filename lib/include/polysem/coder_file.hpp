#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace polysem {

/// A coder's folder as SAELens 6 keeps it: cfg.json and sae_weights.safetensors, in the layouts of the file.
struct CoderFile {
  std::string architecture;  ///< "topk", "standard", "jumprelu", ...
  std::string recipe{};      ///< polysem's name of how it was trained, in the metadata; may be empty
  std::int64_t d_in = 0, d_out = 0, d_sae = 0;
  std::int64_t k = 0;  ///< 0 where the architecture has none
  bool apply_b_dec_to_input = true;
  bool rescale_acts_by_decoder_norm = false;  ///< topk: pre-activations are multiplied by decoder norms
  std::string model_name, hook_name, dataset_path;
  std::int64_t context_size = 0;
  std::vector<float> w_enc;      ///< [d_in, d_sae]
  std::vector<float> w_dec;      ///< [d_sae, d_out]
  std::vector<float> b_enc;      ///< [d_sae]
  std::vector<float> b_dec;      ///< [d_out]
  std::vector<float> threshold;  ///< [d_sae], jumprelu only
};

/// Reads a folder that SAELens (from 6.0 on) or polysem wrote. Shapes are checked against cfg.json, tensors
/// that are not needed are left alone. Throws Error{kBadInput} with file and key, also
/// for normalisations that are not folded into the weights.
CoderFile read_coder_file(const std::filesystem::path& folder);

/// Writes a folder that SAE.load_from_disk takes as it is, in f32.
void write_coder_file(const std::filesystem::path& folder, const CoderFile& coder);

}  // namespace polysem
