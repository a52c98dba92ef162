#pragma once

#include <filesystem>
#include <string>

#include "polysem/sparse_coder.hpp"

namespace polysem {

/// What a coder was trained on, as far as SAELens keeps it.
struct CoderProvenance {
  std::string model_name, hook_name, dataset;
  std::int64_t context_size = 0;
};

struct LoadedCoder {
  CoderConfig config;
  CoderWeights weights;
  CoderProvenance provenance;
};

/// Writes cfg.json and sae_weights.safetensors so that SAELens loads the folder as it is. The weights are
/// those of data as it is, with norms and scales folded in.
void save_coder(const std::filesystem::path& folder, const CoderConfig& config, CoderWeights weights,
                const CoderProvenance& provenance);

/// Reads such a folder, whoever wrote it, or a .polysem file (see polysem/core_coder.hpp). Throws
/// Error{kBadInput} for damage, and for an architecture that no recipe here has.
LoadedCoder load_coder(const std::filesystem::path& folder);

}  // namespace polysem
